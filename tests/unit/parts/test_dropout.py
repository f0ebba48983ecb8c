"""Dropout's own mask: its share, its scale, its seed."""

from __future__ import annotations

import pytest
import torch

from anyformer.parts.dropout import Dropout, keep_mask


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_share_and_scale(dtype: torch.dtype, p: float) -> None:
    torch.manual_seed(0)
    mask = keep_mask(torch.empty(300, 1001, dtype=dtype), p)
    assert set(mask.unique().tolist()) == {0.0, torch.tensor(1 / (1 - p), dtype=dtype).item()} or dtype != torch.float32
    assert abs((mask != 0).float().mean().item() - (1 - p)) < 0.005
    assert abs(mask.float().mean().item() - 1) < 0.02


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_nothing_and_nearly_everything_dropped(dtype: torch.dtype) -> None:
    assert keep_mask(torch.empty(0, 3, dtype=dtype), 0.3).shape == (0, 3)
    assert not keep_mask(torch.empty(10, dtype=dtype), 1 - 1e-9).isnan().any()


def test_neighbours_are_independent() -> None:
    torch.manual_seed(0)
    kept = (keep_mask(torch.empty(400_000, dtype=torch.bfloat16), 0.3) != 0).float() - 0.7
    for distance in (1, 2, 3, 4, 5, 8, 64):
        assert abs((kept[:-distance] * kept[distance:]).mean().item()) < 0.002


def test_the_seed_decides() -> None:
    def draw(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return keep_mask(torch.empty(1000), 0.5)

    assert torch.equal(draw(1), draw(1)) and not torch.equal(draw(1), draw(2))


def test_gradient_passes_only_where_kept() -> None:
    x, skip = torch.randn(50, 40, requires_grad=True), torch.randn(50, 40, requires_grad=True)
    out = Dropout(0.4).add(skip, x)
    out.sum().backward()
    assert x.grad is not None and skip.grad is not None
    assert torch.allclose(out, skip + x * x.grad) and torch.equal(skip.grad, torch.ones_like(skip))
    assert {round(v, 4) for v in x.grad.unique().tolist()} == {0.0, round(1 / 0.6, 4)}


def test_no_dropout_in_evaluation() -> None:
    x = torch.randn(4, 4)
    assert torch.equal(Dropout(0.9).eval()(x), x)


def test_a_compiler_draws_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inductor has no views between widths, and fuses a dropout of its own."""
    monkeypatch.setattr("anyformer.parts.dropout.keep_mask", lambda *_: pytest.fail("drawn here"))
    compiled = torch.compile(lambda x: Dropout(0.5).add(torch.ones_like(x), Dropout(0.5)(x)), backend="eager", fullgraph=True)
    out = compiled(torch.ones(100, 100))
    assert set(out.unique().tolist()) == {1.0, 5.0}
