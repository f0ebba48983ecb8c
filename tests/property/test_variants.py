"""What must hold for every part in every slot: cached = full, packed = alone, batched = alone, gradients, bf16, there and back through data.

The tests run over the menus, so a new part is tested by being there. Where a part says that something does not hold for it, it is shown not to be
offered: the model refuses.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch
from variants import FIELDS, OTHERS, SLOTS, example, randomised

from anyformer.batch import Batch, pad
from anyformer.errors import AnyformerError
from anyformer.model.model import Model
from anyformer.parts.guarantees import guarantees_of

ROWS = [[1, 4, 9, 11, 6], [1, 12, 13, 14, 15, 16, 8]]
CASES = [(slot, kind) for slot, (menu, _) in SLOTS.items() for kind in menu.menu() if kind not in ("And", "Or")] + [("other", name) for name in OTHERS]


def config_of(case: tuple[str, str]) -> Model.Config:
    slot, kind = case
    if slot == "other":
        return OTHERS[kind]
    menu, place = SLOTS[slot]
    return place(example(menu, kind))


@pytest.fixture(params=CASES, ids=[f"{slot}: {kind}" for slot, kind in CASES])
def model(request: pytest.FixtureRequest) -> Model:
    return randomised(config_of(request.param))


def positions(model: Model, counted: torch.Tensor) -> torch.Tensor:
    """Positions as this model reads them: GLM's have two numbers a token."""
    part = model.embedding.position
    return torch.stack([counted, counted // 2], -1) if type(part).__name__ == "TwoDimensional" else counted


def run(model: Model, tokens: torch.Tensor, counted: torch.Tensor | None = None, **facts: object) -> torch.Tensor:
    counted = torch.arange(tokens.shape[1]).expand(tokens.shape) if counted is None else counted
    return model(Batch(tokens=tokens, positions=positions(model, counted), **facts)).logits  # type: ignore[arg-type]


def alone(model: Model, i: int) -> torch.Tensor:
    return run(model, torch.tensor([ROWS[i]]))[0]


def close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool((found - expected).abs().max() <= 2e-5 * max(1.0, float(expected.abs().max())))


def test_every_example_is_used() -> None:
    kinds = {kind for _, kind in CASES}
    assert set(FIELDS) <= kinds, "an example for a part that no menu has"


@torch.no_grad()
def test_causal(model: Model) -> None:
    if "causal" not in guarantees_of(model.config):
        with pytest.raises(AnyformerError, match="decoder"):
            dataclasses.replace(model.config, encoder=None, decoder=model.config.encoder)
        return
    changed = torch.tensor([ROWS[1][:5] + [20, 21]])
    assert close(run(model, changed)[0, :5], alone(model, 1)[:5])


@torch.no_grad()
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_batched_equals_alone(model: Model, left: bool) -> None:
    if "batched" not in guarantees_of(model.config):
        pytest.skip("says that it does not hold")
    tokens, segments = pad(ROWS, 0, left)
    assert segments is not None
    counted = (segments.cumsum(1) - 1).clamp(min=0)
    logits = run(model, tokens, counted, segments=segments, padding="any" if left else "right")
    for i in range(2):
        assert close(logits[i][segments[i] != 0], alone(model, i)), i


@torch.no_grad()
def test_packed_equals_alone(model: Model) -> None:
    lengths = [len(r) for r in ROWS]
    counted = torch.tensor([[*range(lengths[0]), *range(lengths[1])]])
    facts = {"segments": torch.tensor([[1] * lengths[0] + [2] * lengths[1]]), "packed": True}
    tokens = torch.tensor([sum(ROWS, [])])
    if "packed" not in guarantees_of(model.config):
        with pytest.raises(AnyformerError):
            run(model, tokens, counted, **facts)
        return
    logits = run(model, tokens, counted, **facts)[0]
    assert close(logits[: lengths[0]], alone(model, 0)) and close(logits[lengths[0] :], alone(model, 1))


@torch.no_grad()
@pytest.mark.parametrize("pieces", [[1] * 7, [4, 3], [2, 1, 4]], ids=str)
def test_cached_equals_full(model: Model, pieces: list[int]) -> None:
    if "cached" not in guarantees_of(model.config):
        with pytest.raises(AnyformerError):
            model.new_cache(1, 8)
        return
    tokens = torch.tensor([ROWS[1], ROWS[1][::-1]])
    full = run(model, tokens)
    cache, at, found = model.new_cache(2, 8), 0, []
    for piece in tokens.split(pieces, 1):
        counted = torch.arange(at, at + piece.shape[1]).expand(piece.shape)
        found.append(model(Batch(tokens=piece, positions=positions(model, counted)), cache=cache).logits)
        at += piece.shape[1]
    assert close(torch.cat(found, 1), full)


@torch.no_grad()
def test_left_padded_rows_go_on_from_a_cache(model: Model) -> None:
    if not {"cached", "batched"} <= guarantees_of(model.config):
        pytest.skip("says that it does not hold")
    tokens, segments = pad([r[:-2] for r in ROWS], 0, left=True)
    assert segments is not None
    counted = (segments.cumsum(1) - 1).clamp(min=0)
    cache = model.new_cache(2, 12)
    model(Batch(tokens=tokens, positions=positions(model, counted), segments=segments, padding="any"), cache=cache)
    found = []
    for t in range(2):
        counted = torch.tensor([[len(r) - 2 + t] for r in ROWS])
        step = Batch(tokens=torch.tensor([[r[len(r) - 2 + t]] for r in ROWS]), positions=positions(model, counted))
        found.append(model(step, cache=cache).logits[:, 0])
    for i in range(2):
        assert close(torch.stack(found)[:, i], alone(model, i)[-2:]), i


@torch.no_grad()
def test_hypotheses_that_share_a_store(model: Model) -> None:
    if "cached" not in guarantees_of(model.config):
        pytest.skip("says that it does not hold")
    rows = torch.tensor([[1, 4, 9, 7], [1, 5, 6, 7], [1, 12, 13, 7], [1, 7, 8, 7]])

    def step(piece: torch.Tensor, at: int) -> torch.Tensor:
        counted = torch.arange(at, at + piece.shape[1]).expand(piece.shape)
        return model(Batch(tokens=piece, positions=positions(model, counted)), cache=cache).logits[:, -1]

    cache = model.new_cache(4, 8, group=2)
    step(rows[:, :2], 0)
    step(rows[:, 2:3], 2)
    cache.reorder(torch.tensor([1, 1, 3, 2]))
    stepped = step(torch.tensor([[20], [21], [22], [23]]), 3)
    for row, tokens in enumerate([[1, 5, 6, 20], [1, 5, 6, 21], [1, 7, 8, 22], [1, 12, 13, 23]]):
        assert close(stepped[row], run(model, torch.tensor([tokens]))[0, -1]), row


def test_gradients_reach_every_parameter_and_nothing_is_left_on_the_model(model: Model) -> None:
    model.train()
    before = {name: set(vars(part)) for name, part in model.named_modules()}
    tokens, segments = pad(ROWS, 0)
    assert segments is not None
    counted = torch.arange(tokens.shape[1]).expand(tokens.shape)
    output = model(Batch(tokens=tokens, positions=positions(model, counted), segments=segments, padding="right"))
    (output.logits[segments != 0].square().sum() + sum(aux.loss for aux in output.aux)).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []
    assert before == {name: set(vars(part)) for name, part in model.named_modules()}


@torch.no_grad()
def test_deterministic_and_close_in_bf16(model: Model) -> None:
    for parameter in model.parameters():
        parameter.mul_(0.3)
    tokens = torch.tensor([ROWS[1]])
    exact, again = run(model, tokens), run(model, tokens)
    assert torch.equal(exact, again)
    with torch.autocast("cpu", torch.bfloat16):
        near = run(model, tokens)
    assert (near - exact).norm() / exact.norm() < 0.1


def test_config_round_trip(model: Model) -> None:
    again = Model.Config.from_dict(model.config.to_dict())
    assert again == model.config
    assert {n: t.shape for n, t in again.build().state_dict().items()} == {n: t.shape for n, t in model.state_dict().items()}
