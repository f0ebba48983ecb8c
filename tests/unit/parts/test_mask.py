"""Masks: the expressions, and that every shortcut agrees with the definition."""

from __future__ import annotations

import itertools

import pytest
import torch

from anyformer.batch import Padding
from anyformer.errors import ConfigError
from anyformer.parts.lowering import Facts, Plan, lower, reference
from anyformer.parts.mask import Causal, Full, Mask, Prefix, Window
from anyformer.parts.place import Place, place_of

MASKS = [Full(), Causal(), Causal() | Prefix(), Causal() & Window(left=2), Window(left=1, right=2), (Full() | Causal()) & Window(right=0)]


@pytest.mark.parametrize("mask", MASKS, ids=lambda m: m.to_text())
def test_expressions_read_back(mask: Mask) -> None:
    assert Mask.from_text(mask.to_text()) == mask


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Casual()", "did you mean 'Causal'"),
        ("Window(reach=3)", "no field 'reach'"),
        ("Window(left='a')", "a whole number"),
        ("Window(left=-1)", "0 or more"),
        ("Causal() +", "is not a mask"),
        ("Causal() + Full()", "joined with & and"),
        ("__import__('os').system('true')", "is not a mask"),
        ("Window(left=__import__('os'))", "not a plain number"),
        ("Window(1, 2, 3)", "at most 2"),
    ],
)
def test_wrong_expressions_are_refused_and_never_run(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Mask.from_text(text, "mask")


@pytest.mark.parametrize("mask", MASKS, ids=lambda m: m.to_text())
def test_extent_agrees_with_allows(mask: Mask) -> None:
    place = place_of(torch.zeros(1, 9, dtype=torch.int64), None, None)
    table = mask.allows(place, place).expand(1, 9, 9)[0]
    for a, b, c, d in itertools.product(range(0, 8, 2), range(1, 9, 3), range(0, 8, 3), range(1, 9, 2)):
        if a < b and c < d:
            block = table[a:b, c:d]
            extent = mask.extent(range(a, b), range(c, d))
            assert extent == "some" or bool(block.all() if extent == "all" else not block.any())


def allowed_by(plan: Plan, n: int, rows: int) -> torch.Tensor:
    if plan.causal:
        return torch.ones(n, n, dtype=torch.bool).tril().expand(rows, n, n)
    if plan.allowed is None:
        return torch.ones(rows, n, n, dtype=torch.bool)
    return plan.allowed[:, 0].expand(rows, n, n)


@pytest.mark.parametrize("mask", MASKS, ids=lambda m: m.to_text())
@pytest.mark.parametrize(
    ("segments", "padding", "packed"),
    [
        (None, "none", False),
        ([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], "right", False),
        ([[0, 1, 1, 1, 1], [0, 0, 0, 1, 1]], "any", False),
        ([[1, 1, 2, 2, 2], [1, 2, 3, 0, 0]], "right", True),
    ],
)
def test_lowering_agrees_with_the_definition(mask: Mask, segments: list | None, padding: Padding, packed: bool) -> None:
    segment = None if segments is None else torch.tensor(segments)
    prefix = torch.tensor([[1, 1, 0, 0, 0], [0, 1, 0, 0, 0]], dtype=torch.bool)
    place = place_of(torch.zeros(2, 5, dtype=torch.int64), segment, None, prefix)
    plan = lower(mask, Facts(place, place, padding, packed, torch.float32))
    expected = reference(mask, place, place).expand(2, 5, 5)
    real = torch.ones(2, 5, dtype=torch.bool) if segment is None else segment != 0
    assert torch.equal(allowed_by(plan, 5, 2)[real], expected[real])


def test_a_causal_batch_needs_no_tensor() -> None:
    segment = torch.tensor([[1, 1, 1], [1, 0, 0]])
    place = place_of(torch.zeros(2, 3, dtype=torch.int64), segment, None)
    assert lower(Causal(), Facts(place, place, "right", False, torch.float32)) == Plan(causal=True)
    whole = place_of(torch.zeros(2, 3, dtype=torch.int64), None, None)
    assert lower(Full(), Facts(whole, whole, "none", False, torch.float32)) == Plan()


def test_one_new_query_after_a_cache_sees_everything() -> None:
    q = place_of(torch.zeros(2, 1, dtype=torch.int64), None, None, start=4)
    k = Place(torch.arange(5), torch.arange(5).unsqueeze(0), None)
    assert lower(Causal(), Facts(q, k, "none", False, torch.float32)) == Plan()
    windowed = lower(Causal() & Window(left=1), Facts(q, k, "none", False, torch.float32))
    assert windowed.allowed is not None and windowed.allowed.flatten().tolist() == [False, False, False, True, True]
