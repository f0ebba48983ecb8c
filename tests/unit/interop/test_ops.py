"""Every op undoes itself, to the bit, and also says the shapes of what it would write."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anyformer.interop import ops
from anyformer.interop.ops import Copy, Fused, FusedByGroup, FusedByHead, Op, Reshaped, Stacked, Transposed
from anyformer.interop.surplus import Filled, Same, Surplus

HEADS, KEYS, WIDTH, DIM = 6, 2, 3, 5
EXAMPLES: list[tuple[Op, list[tuple[int, ...]]]] = [  # an op, and the shapes of ours
    (Copy(), [(4, 3), (2,)]),
    (Transposed(), [(4, 3), (2,)]),
    (Fused((4, 2, 3)), [(4, DIM), (2, DIM), (3, DIM)]),
    (Fused((4, 2)), [(4,), (2,)]),
    (Transposed() >> Fused((4, 2)), [(4, DIM), (2, DIM)]),
    (FusedByGroup(HEADS, KEYS, WIDTH), [(HEADS * WIDTH, DIM), (KEYS * WIDTH, DIM), (KEYS * WIDTH, DIM)]),
    (FusedByGroup(HEADS, HEADS, WIDTH), [(HEADS * WIDTH,)] * 3),
    (FusedByGroup(HEADS, 1, WIDTH), [(HEADS * WIDTH, DIM), (WIDTH, DIM), (WIDTH, DIM)]),
    (FusedByHead(3, (2, 4)), [(6, DIM), (12, DIM)]),
    (FusedByHead(1, (2, 4, 1)), [(2,), (4,), (1,)]),
    (Stacked(4), [(4, 3, 2)]),
    (Reshaped((1, 6), (6,)), [(6,)]),
]


def numbered(shapes: list[tuple[int, ...]]) -> list[Tensor]:
    """Tensors that have no number in common."""
    sizes = [torch.Size(s).numel() for s in shapes]
    return [part.view(s) for part, s in zip(torch.arange(float(sum(sizes))).split(sizes), shapes, strict=True)]


@pytest.mark.parametrize(("op", "shapes"), EXAMPLES, ids=[repr(op)[:50] for op, _ in EXAMPLES])
def test_undoes_itself(op: Op, shapes: list[tuple[int, ...]]) -> None:
    ours = numbered(shapes)
    theirs = op.write(ours)
    assert all(map(torch.equal, op.read(theirs), ours))
    assert all(map(torch.equal, op.write(op.read(theirs)), theirs))
    hollow = op.write([torch.empty(s, device="meta") for s in shapes])
    assert [t.shape for t in hollow] == [t.shape for t in theirs]


def test_every_op_has_an_example() -> None:
    defined = {c for c in vars(ops).values() if isinstance(c, type) and issubclass(c, Op) and not issubclass(c, Surplus)}
    assert defined - {Op} == {type(op) for op, _ in EXAMPLES}


def test_query_key_value_by_group() -> None:
    """Against the layout written out: for each key head its queries, its key, its value."""
    theirs = torch.arange(KEYS * (HEADS // KEYS + 2) * WIDTH * DIM).view(-1, DIM)
    rows: dict[str, list[Tensor]] = {"q": [], "k": [], "v": []}
    at = 0
    for _ in range(KEYS):
        for part in ["q"] * (HEADS // KEYS) + ["k", "v"]:
            rows[part].append(theirs[at : at + WIDTH])
            at += WIDTH
    q, k, v = FusedByGroup(HEADS, KEYS, WIDTH).read([theirs])
    assert torch.equal(q, torch.cat(rows["q"])) and torch.equal(k, torch.cat(rows["k"])) and torch.equal(v, torch.cat(rows["v"]))


def test_parts_by_head() -> None:
    assert [t.tolist() for t in FusedByHead(2, (1, 2)).read([torch.arange(6)])] == [[0, 3], [1, 2, 4, 5]]


def test_experts_are_named_one_by_one() -> None:
    assert Stacked(3).spell(("a.{e}.b",)) == ("a.0.b", "a.1.b", "a.2.b")
    assert (Transposed() >> Stacked(2)).spell(("x{e}",)) == ("x0", "x1")


def test_surplus_that_cannot_be_left_out() -> None:
    assert Same().read([torch.ones(2), torch.ones(2)]) == [] == Filled((2,)).read([torch.zeros(2)])
    with pytest.raises(ValueError, match="other numbers"):
        Same().read([torch.ones(2), torch.zeros(2)])
    with pytest.raises(ValueError, match="not 0 everywhere"):
        Filled((2,)).read([torch.ones(2)])
    assert torch.equal(Filled((1, 2)).write([])[0], torch.zeros(1, 2))
