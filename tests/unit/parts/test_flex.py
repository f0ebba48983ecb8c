"""Masks for flex_attention: the rule pair by pair, the blocks, and the equation, computed here without its compiler.

On GPUs the same is compiled; `benchmarks/long_context.py --device cuda` compares it there with the dense form.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention import flex_attention as torchs

from anyformer.parts import flex, kernel
from anyformer.parts.alibi import ALiBi
from anyformer.parts.bigbird import BigBird
from anyformer.parts.lowering import Facts, Plan, add_position, dense, reference
from anyformer.parts.mask import Causal, Full, Mask, Prefix, Window
from anyformer.parts.mask_facts import read
from anyformer.parts.place import Place, place_of
from anyformer.parts.sparse_masks import Fixed, GlobalTokens, Strided

LENGTH, HEADS = 45, 2
MASKS = [
    Causal() & Window(left=9),
    Causal() | Prefix(),
    Causal() & Strided(stride=7),
    Causal() & Fixed(block=6, summary=2),
    Window(left=3, right=3) | GlobalTokens(n=2),
    BigBird(block=4, random=2, heads=HEADS),
    BigBird(block=4, extra=5),
    BigBird(block=4, plan=tuple(tuple(((b + h) % 12,) for b in range(12)) for h in range(HEADS))),
    Full(),
]
SEGMENTS = torch.tensor([[1] * 20 + [2] * 20 + [0] * 5, [1] * 45])
each_mask = pytest.mark.parametrize("mask", MASKS, ids=lambda m: m.to_text()[:40])


def facts_of(packed: bool) -> Facts:
    prefix = torch.arange(LENGTH).expand(2, LENGTH) % 20 < torch.tensor([[3], [11]])
    place = place_of(torch.zeros(2, LENGTH, dtype=torch.int64), SEGMENTS if packed else None, None, prefix)
    return Facts(place, place, "right" if packed else "none", packed, torch.float32)


def plan_of(mask: Mask, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """As `lower` makes it on a GPU, in smaller blocks."""
    monkeypatch.setattr(flex, "BLOCK", 16)
    monkeypatch.setattr(flex, "_known", {})
    monkeypatch.setattr(flex, "_compiled", lambda: torchs.flex_attention)
    monkeypatch.setattr(torchs, "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)
    pairs = flex.block_mask(mask, *read(facts.q, facts.k, holes=False), facts.packed, facts.padded)
    return Plan(flex=pairs, source=(mask, facts))


def expected(mask: Mask, place: Place) -> torch.Tensor:
    return torch.stack([reference(mask, place, place, head % mask.own_heads).expand(2, LENGTH, LENGTH) for head in range(HEADS)], dim=1)


@each_mask
@pytest.mark.parametrize("packed", [False, True])
def test_the_rule_and_its_blocks(mask: Mask, packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = facts_of(packed)
    pairs = plan_of(mask, facts, monkeypatch).flex
    assert pairs is not None
    real = torch.ones(2, LENGTH, dtype=torch.bool) if facts.q.segment is None else facts.q.segment != 0
    allowed = expected(mask, facts.q)
    at = torch.arange(LENGTH)
    rows, heads = torch.arange(2)[:, None, None, None], torch.arange(HEADS)[None, :, None, None]
    by_rule = pairs.mask_mod(rows, heads, at[:, None], at).expand(2, HEADS, LENGTH, LENGTH)
    padded = torch.nn.functional.pad(allowed, (0, 3, 0, 3)).unflatten(3, (3, 16)).unflatten(2, (3, 16))
    needed = padded.any(5).any(3)  # [B, N, blocks of queries, blocks of keys]
    listed = pairs.to_dense().bool().expand(2, HEADS, 3, 3)
    full = listed & (torch.stack([_full(pairs, row, head) for row in range(2) for head in range(HEADS)]).view(2, HEADS, 3, 3))
    assert torch.equal(by_rule.transpose(1, 2)[real], allowed.transpose(1, 2)[real])
    assert not (needed & ~listed).any()
    for row, head, i, j in full.nonzero().tolist():
        inside = padded[row, head, i, :, j][: LENGTH - 16 * i, : LENGTH - 16 * j]
        assert bool(inside[real[row, 16 * i : 16 * i + 16]].all())
    if mask == MASKS[0] and not packed:
        assert torch.equal(listed, needed), "blocks are computed that nobody needs"


def _full(pairs: torchs.BlockMask, row: int, head: int) -> torch.Tensor:
    """Which blocks are taken without asking the rule."""
    counts, lists = pairs.full_kv_num_blocks, pairs.full_kv_indices
    assert counts is not None and lists is not None
    row, head = min(row, counts.shape[0] - 1), min(head, counts.shape[1] - 1)
    table = torch.zeros(counts.shape[2], lists.shape[3], dtype=torch.bool)
    for i, n in enumerate(counts[row, head].tolist()):
        table[i, lists[row, head, i, :n].long()] = True
    return table


@each_mask
def test_the_equation(mask: Mask, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    facts = facts_of(packed=True)
    q, k, v = torch.randn(2, HEADS, LENGTH, 8), torch.randn(2, 1, LENGTH, 8), torch.randn(2, 1, LENGTH, 8)
    position = ALiBi.Config().build(16, HEADS, 8)
    for plan in (plan_of(mask, facts, monkeypatch), add_position(plan_of(mask, facts, monkeypatch), position, facts)):
        equation = kernel.Equation(0.3, cap=2.0)
        found, wanted = kernel.attend(q, k, v, plan, equation), kernel.attend(q, k, v, dense(plan), equation)
        assert (found - wanted)[SEGMENTS != 0].abs().max() < 1e-5


def test_what_cannot_be_compiled_is_said_once_and_computed_densely(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*args: object, **options: object) -> torch.Tensor:
        raise RuntimeError("no such kernel\nlong story")

    plan = plan_of(MASKS[0], facts_of(False), monkeypatch)
    monkeypatch.setattr(flex, "_compiled", lambda: refuses)
    q = torch.randn(2, HEADS, LENGTH, 8)
    with pytest.warns(UserWarning, match="could not be compiled here: no such kernel; ") as said:
        found = [kernel.attend(q, q, q, plan, kernel.Equation(0.3)) for _ in range(2)]
    assert len(said) == 1
    assert all(torch.equal(x, kernel.attend(q, q, q, dense(plan), kernel.Equation(0.3))) for x in found)


def test_a_kernel_that_is_wrong_is_noticed_and_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(MASKS[0], facts_of(False), monkeypatch)
    monkeypatch.setattr(flex, "_compiled", lambda: lambda q, k, v, **_: torchs.flex_attention(q, k, v, scale=0.3, block_mask=None))
    q = torch.randn(2, HEADS, LENGTH, 8)
    with pytest.warns(UserWarning, match="computes something else for this mask"):
        found = kernel.attend(q, q, q, plan, kernel.Equation(0.3))
    assert torch.equal(found, kernel.attend(q, q, q, dense(plan), kernel.Equation(0.3)))


def test_what_flex_attention_does_not_know_is_computed_densely(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(MASKS[0], facts_of(False), monkeypatch)
    monkeypatch.setattr(flex, "_compiled", lambda: pytest.fail("sinks are none of its business"))
    q = torch.randn(2, HEADS, LENGTH, 8)
    equation = kernel.Equation(0.3, sinks=torch.zeros(HEADS))
    assert torch.equal(kernel.attend(q, q, q, plan, equation), kernel.attend(q, q, q, dense(plan), equation))
