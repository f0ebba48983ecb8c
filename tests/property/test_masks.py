"""Random masks over random facts: the rule, its bounds, its text, and every way to compute attention under it agree."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from forced_tiles import forced_tiles
from hypothesis import given, settings
from hypothesis import strategies as st
from masks_by_hand import allowed_by_hand

from anyformer.batch import Padding
from anyformer.parts import kernel
from anyformer.parts.alibi import ALiBi
from anyformer.parts.bigbird import BigBird, GlobalBlocks
from anyformer.parts.lowering import Facts, add_position, dense, lower, reference
from anyformer.parts.mask import Causal, Full, Mask, Prefix, Window
from anyformer.parts.mask_facts import read, spans
from anyformer.parts.place import Place, place_of, positions_without_padding
from anyformer.parts.random_blocks import RandomBlocks
from anyformer.parts.relative_bias import RelativeBias
from anyformer.parts.sparse_masks import BlockEnds, Dilated, Fixed, GlobalTokens, LocalBlocks, Strided

HEADS = 2
few = st.integers(0, 5)
block = st.integers(1, 5)
reach = st.none() | few
random_by_head = st.builds(RandomBlocks, block=block, n=st.integers(1, 2), seed=few, heads=st.just(HEADS), apart=st.integers(0, 1))
LEAVES = {
    "Full": st.just(Full()),
    "Causal": st.just(Causal()),
    "Prefix": st.just(Prefix()),
    "Window": st.builds(Window, left=reach, right=reach),
    "Dilated": st.builds(Dilated, step=st.integers(1, 4), left=reach, right=reach),
    "GlobalTokens": st.builds(GlobalTokens, n=st.integers(1, 4)),
    "LocalBlocks": st.builds(LocalBlocks, block=block, left=reach, right=reach, start=few),
    "BlockEnds": st.builds(lambda size, n: BlockEnds(block=size + n, n=n), block, block),
    "Strided": st.builds(Strided, stride=block),
    "Fixed": st.builds(lambda size, n: Fixed(block=size + n, summary=n), block, block),
    "GlobalBlocks": st.builds(GlobalBlocks, block=block, first=st.integers(0, 2), last=st.integers(0, 2), blocks=st.none() | block),
    "RandomBlocks": st.builds(RandomBlocks, block=block, n=st.integers(1, 3), seed=few, apart=st.integers(0, 1), edge=st.integers(0, 1), start=few),
    "RandomBlocks by head": random_by_head,
    "RandomBlocks given": st.just(RandomBlocks(block=3, plan=(((0,), (2, 1), ()), ((1,), (0,), (2,))))),
    "BigBird": st.builds(BigBird, block=block, window=st.sampled_from([1, 3]), random=st.integers(0, 2), extra=few, heads=st.sampled_from([1, HEADS])),
}
leaves = st.one_of(*LEAVES.values())
masks = st.recursive(leaves, lambda inner: st.builds(Mask.__and__, inner, inner) | st.builds(Mask.__or__, inner, inner), max_leaves=4)
by_head = st.builds(lambda random: Causal() | random, random_by_head)
POSITIONS = [None, ALiBi.Config(), RelativeBias.Config(n_buckets=8, max_distance=6)]


class Row(NamedTuple):
    """Facts of a few rows of tokens."""

    segment: torch.Tensor | None
    prefix: torch.Tensor | None
    padding: Padding
    packed: bool
    length: int

    def place(self) -> Place:
        position = None if self.segment is None else positions_without_padding(self.segment)
        return place_of(torch.zeros(2, self.length, dtype=torch.int64), self.segment, position, self.prefix)


KINDS = ("plain", "right", "left", "holes", "packed")


@st.composite
def rows(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> Row:
    length = draw(st.integers(2, 23))
    kind = draw(st.sampled_from(kinds))
    prefix = torch.tensor(draw(st.lists(st.integers(0, length), min_size=2, max_size=2))) if draw(st.booleans()) else None
    prefixes = None if prefix is None else torch.arange(length) < prefix.unsqueeze(1)
    if kind == "plain":
        return Row(None, prefixes, "none", False, length)
    lists = st.lists(st.integers(0 if kind == "holes" else 1, 1 if kind != "packed" else 3), min_size=length, max_size=length)
    segments = torch.tensor([draw(lists) for _ in range(2)])
    if kind in ("right", "left"):
        n = torch.tensor([draw(st.integers(0, length - 1)) for _ in range(2)]).unsqueeze(1)
        at = torch.arange(length)
        segments = ((at < length - n) if kind == "right" else (at >= n)).long()
    if kind == "packed":  # documents in a row, then padding
        segments = segments.sort(1).values * (torch.arange(length) < length - draw(few))
    return Row(segments, prefixes, "right" if kind in ("right", "packed") else "any", kind == "packed", length)


often_packed = rows() | rows(("packed",))
every_kind = pytest.mark.parametrize("kind", [*LEAVES, "joined"])


@given(masks)
def test_text_reads_back(mask: Mask) -> None:
    assert Mask.from_text(mask.to_text()) == mask


@every_kind
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_rule_is_what_it_is_by_hand(kind: str, data: st.DataObject) -> None:
    mask, row = data.draw(LEAVES.get(kind, masks)), data.draw(often_packed)
    place = row.place()
    real = torch.ones(2, row.length, dtype=torch.bool) if row.segment is None else row.segment != 0
    for head in range(HEADS):
        found = reference(mask, place, place, head).expand(2, row.length, row.length)
        for b in range(2):
            expected = allowed_by_hand(
                mask, None if row.segment is None else row.segment[b].tolist(), None if row.prefix is None else row.prefix[b].tolist(), row.length, head
            )
            assert torch.equal(found[b][real[b]], torch.tensor(expected)[real[b]])


@every_kind
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_bounds_hold(kind: str, data: st.DataObject) -> None:
    mask, size = data.draw(LEAVES.get(kind, masks)), data.draw(st.integers(1, 6))
    row = data.draw(often_packed)
    place = row.place()
    q, k = read(place, place, holes=row.padding == "any")
    head = torch.arange(HEADS)[:, None, None]
    blocks = -(-row.length // size)
    bounds = mask.bounds(spans(q, size).as_queries(head), spans(k, size).as_keys())
    some, every = (torch.as_tensor(x).broadcast_to(2, HEADS, blocks, blocks) for x in bounds)
    table = mask.sees(q.as_queries(head), k.as_keys()).expand(2, HEADS, row.length, row.length)
    for i in range(blocks):
        for j in range(blocks):
            part = table[:, :, i * size : (i + 1) * size, j * size : (j + 1) * size].flatten(2)
            assert not (part.any(-1) & ~some[:, :, i, j]).any(), "a pair that is allowed was left out"
            assert not (~part.all(-1) & every[:, :, i, j]).any(), "a pair that is not allowed was taken in"


@settings(max_examples=60, deadline=None)
@given(masks, rows())
def test_what_is_known_without_data_holds(mask: Mask, row: Row) -> None:
    length = row.length
    place = place_of(torch.zeros(1, length, dtype=torch.int64), None, None, None if row.prefix is None else row.prefix[:1])
    table = mask.allows(place, place).expand(1, length, length)[0]
    for q, k in ((range(length), range(length)), (range(length - 1, length), range(length)), (range(length // 2, length), range(1))):
        part = table[q.start : q.stop, k.start : k.stop]
        extent = mask.extent(q, k)
        assert extent == "some" or bool(part.all() if extent == "all" else not part.any())


@settings(max_examples=100, deadline=None)
@given(masks, often_packed, st.data())
def test_lowering_agrees_with_the_definition(mask: Mask, row: Row, data: st.DataObject) -> None:
    keys = row.place()
    queries = last(keys, data.draw(st.integers(1, row.length)))
    plan = lower(mask, Facts(queries, keys, row.padding, row.packed, torch.float32))
    n_q, n_k = queries.index.shape[0], row.length
    found = torch.ones(n_q, n_k, dtype=torch.bool)
    found = found.tril() if plan.causal else found if plan.allowed is None else plan.allowed
    real = torch.ones(2, n_q, dtype=torch.bool) if queries.segment is None else queries.segment != 0
    for head in range(mask.own_heads):
        expected = reference(mask, queries, keys, head).expand(2, n_q, n_k)
        assert torch.equal(found.expand(2, max(mask.own_heads, 1), n_q, n_k)[:, head][real], expected[real])


def last(keys: Place, n: int) -> Place:
    """The places of the last n tokens: of all, the same object, as without a cache."""
    if n == keys.index.shape[0]:
        return keys
    return Place(keys.index[-n:], keys.position[:, -n:], None if keys.segment is None else keys.segment[:, -n:])


CASES = {"any": (masks, rows()), "heads apart": (by_head, rows(("plain", "right"))), "packed": (masks, rows(("packed",)))}


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_tiles_agree_with_the_dense_form(case: str, data: st.DataObject) -> None:
    """Forward and gradients, also of what comes after a cache."""
    torch.manual_seed(0)
    mask, row = (data.draw(strategy) for strategy in CASES[case])
    size, kv_heads = data.draw(st.integers(2, 6)), data.draw(st.sampled_from([1, 2]))
    position = data.draw(st.sampled_from(POSITIONS if case == "any" else [None]))
    keys = row.place()
    queries = last(keys, new := data.draw(st.integers(1, row.length)))
    facts = Facts(queries, keys, row.padding, row.packed, torch.float32)
    with forced_tiles(size):
        bias = None if position is None else position.build(8, HEADS, 4)  # type: ignore[attr-defined]
        for parameter in [] if bias is None else bias.parameters():
            torch.nn.init.normal_(parameter)
        plan = add_position(lower(mask, facts), bias, facts)
    if plan.tiles is None:
        return
    leaves_ = [torch.randn(2, heads, n, 4, requires_grad=True) for heads, n in ((HEADS, new), (kv_heads, row.length), (kv_heads, row.length))]
    sinks = torch.randn(HEADS, requires_grad=True) if data.draw(st.booleans()) else None  # what a sink takes would hide that nothing is seen
    equation = kernel.Equation(0.7, cap=2.0, sinks=sinks)
    real = torch.ones(2, new) if queries.segment is None else (queries.segment != 0).float()
    towards = torch.randn(2, new, HEADS * 4) * real.unsqueeze(-1)
    parameters = [*leaves_, *([] if sinks is None else [sinks]), *([] if bias is None else bias.parameters())]
    results = []
    for form in (plan, dense(plan)):
        out = kernel.attend(*leaves_, form, equation)
        results.append([out * real.unsqueeze(-1), *torch.autograd.grad((out * towards).sum(), parameters)])
    for found, expected in zip(*results, strict=True):
        assert (found - expected).abs().max() < 1e-5
