"""Tiles: which pairs are computed, what is chosen when, and what a tile must not lose on the way back."""

from __future__ import annotations

import pytest
import torch
from forced_tiles import forced_tiles

from anyformer.parts import blockwise, kernel
from anyformer.parts.bigbird import BigBird
from anyformer.parts.dropout import Dropout
from anyformer.parts.lowering import Facts, Plan, add_position, dense, lower
from anyformer.parts.mask import Causal, Full, Mask, Window
from anyformer.parts.place import place_of
from anyformer.parts.shaw import Shaw
from anyformer.parts.tiles import Tiles
from anyformer.spec import Spec


def facts(length: int, segment: torch.Tensor | None = None, packed: bool = False, padding: str = "none") -> Facts:
    place = place_of(torch.zeros(1 if segment is None else len(segment), length, dtype=torch.int64), segment, None)
    return Facts(place, place, padding, packed, torch.float32)  # type: ignore[arg-type]


def computed(cut: Tiles | None) -> int:
    """Scores of one head that these tiles compute."""
    assert cut is not None
    keys = [t.keys.shape[1] * cut.size if isinstance(t.keys, torch.Tensor) else sum(r.stop - r.start for r in t.keys) for t in cut.tiles]
    return sum(n * (t.queries.stop - t.queries.start) for n, t in zip(keys, cut.tiles, strict=True))


def test_a_window_takes_work_that_grows_as_the_text_does() -> None:
    work = {length: computed(lower(Causal() & Window(left=127), facts(length)).tiles) for length in (2048, 4096)}
    assert work[4096] <= 4096 * (127 + 2 * 128) and 1.9 < work[4096] / work[2048] < 2.1


@pytest.mark.parametrize("heads", [1, 4])
def test_big_bird_computes_its_blocks_and_no_others(heads: int) -> None:
    """4,096 tokens: two rows of blocks see all 64; of the 62 between, each sees at most its neighbours, 3 drawn and 2 global ones."""
    cut = lower(BigBird(heads=heads), facts(4096)).tiles
    assert computed(cut) <= (2 * 64 + 62 * 8) * 64 * 64
    assert cut is not None and all(tile.allowed is None or heads > 1 for tile in cut.tiles), "blocks that are seen whole need no mask"


def test_packed_documents_and_padding_take_no_work() -> None:
    segment = torch.arange(1024).div(128, rounding_mode="floor").add(1).unsqueeze(0)
    assert computed(lower(Causal(), facts(1024, segment, packed=True)).tiles) == 8 * 128 * 128
    padded = (torch.arange(1024) < 256).long().unsqueeze(0)
    assert computed(lower(Full(), facts(1024, padded, padding="right")).tiles) == 256 * 256


@pytest.mark.parametrize(
    ("mask", "length", "plan"),
    [
        (Causal() & Window(left=31), 128, "dense"),
        (Window(left=2000, right=2000), 2048, "dense"),
        (Causal() & Window(left=2047), 2048, "causal"),
        (Window(left=2047, right=2047), 2048, "nothing"),
        (Causal() & Window(left=200), 2048, "tiles"),
        (BigBird(), 512, "dense"),
    ],
)
def test_the_cheapest_form_is_chosen(mask: Mask, length: int, plan: str) -> None:
    made = lower(mask, facts(length))
    found = "tiles" if made.tiles else "causal" if made.causal else "nothing" if made == Plan() else "dense"
    assert found == plan


def small_tiles(mask: Mask, at: Facts, size: int = 4) -> Plan:
    with forced_tiles(size):
        plan = lower(mask, at)
    assert plan.tiles is not None
    return plan


def test_rows_are_computed_a_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    plan = small_tiles(Causal() & Window(left=3), facts(13))
    q, k, v = (torch.randn(5, 2, 13, 4, requires_grad=True) for _ in range(3))
    results = []
    for at_once in (1, 2 * 2 * 4 * 8, 1 << 20):
        monkeypatch.setattr(blockwise, "AT_ONCE", at_once)
        out = kernel.attend(q, k, v, plan, kernel.Equation(0.5))
        results.append([out, *torch.autograd.grad(out.square().sum(), (q, k, v))])
    for found in results[1:]:
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, results[0], strict=True))


def test_dropout_on_the_way_back_is_that_on_the_way_there() -> None:
    """The output is linear in v, so <dv, v> = <out, towards> holds only if the same weights were dropped."""
    torch.manual_seed(0)
    plan = small_tiles(Causal() & Window(left=3), facts(13))
    q, k, v = (torch.randn(2, 2, 13, 4, requires_grad=True) for _ in range(3))
    equation = kernel.Equation(0.5, dropout=Dropout(0.5).train())
    out = kernel.attend(q, k, v, plan, equation)
    assert not torch.allclose(out, kernel.attend(q, k, v, plan, equation))
    towards = torch.randn_like(out)
    after = torch.get_rng_state()
    (grad,) = torch.autograd.grad((out * towards).sum(), v)
    assert torch.equal(torch.get_rng_state(), after), "the way back draws nothing that later steps would have drawn"
    assert torch.allclose((grad * v).sum(), (out * towards).sum(), atol=1e-4)


def test_bf16_is_close() -> None:
    torch.manual_seed(0)
    at = facts(40)._replace(dtype=torch.bfloat16)
    plan = small_tiles(BigBird(block=4), at)
    q, k, v = (torch.randn(2, 2, 40, 8) for _ in range(3))
    exact = kernel.attend(q, k, v, small_tiles(BigBird(block=4), facts(40)), kernel.Equation(0.3))
    near = kernel.attend(q.bfloat16(), k.bfloat16(), v.bfloat16(), plan, kernel.Equation(0.3))
    assert near.dtype == torch.bfloat16 and (near.float() - exact).norm() < 0.02 * exact.norm()


def test_positions_by_content_and_pictures_take_the_dense_form() -> None:
    at = facts(20)
    plan = small_tiles(Causal() & Window(left=3), at)
    config: Spec = Shaw.Config(max_distance=3)
    position = config.build(8, 2, 4)  # type: ignore[attr-defined]
    assert add_position(plan, position, at).tiles is None
    q, k = torch.randn(1, 2, 20, 4), torch.randn(1, 2, 20, 4)
    weights = kernel.attention_weights(q, k, plan, kernel.Equation(0.5))
    assert torch.equal(weights, kernel.attention_weights(q, k, dense(plan), kernel.Equation(0.5))) and weights.shape == (1, 2, 20, 20)


def test_what_was_cut_without_gradients_serves_with_them() -> None:
    with torch.inference_mode(), forced_tiles(4):
        lower(Causal() & Window(left=2), facts(9))
        q = torch.randn(1, 2, 9, 4)
        with torch.inference_mode(False):
            q = torch.randn(1, 2, 9, 4, requires_grad=True)
            plan = lower(Causal() & Window(left=2), facts(9))
            kernel.attend(q, q, q, plan, kernel.Equation(0.5)).sum().backward()
    assert q.grad is not None
