"""Masks that leave gaps: what the papers' figures show, what cannot be, what holds, and what is drawn."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from anyformer.errors import ConfigError
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.bigbird import BigBird, GlobalBlocks, plan_of_inner_blocks
from anyformer.parts.mask import Causal, Full, Mask, Or
from anyformer.parts.place import place_of
from anyformer.parts.random_blocks import RandomBlocks
from anyformer.parts.sparse_masks import Dilated, GlobalTokens, LocalBlocks


def seen(text: str, query: int, length: int = 16) -> list[int]:
    place = place_of(torch.zeros(1, length, dtype=torch.int64), None, None)
    return Mask.from_text(text).allows(place, place).expand(1, length, length)[0, query].nonzero().flatten().tolist()


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("Dilated(step=3, left=2, right=1)", 7, [1, 4, 7, 10]),
        ("Causal() & Strided(stride=4)", 13, [1, 5, 9, 10, 11, 12, 13]),  # Child et al. 2019, figure 3b
        ("Causal() & Fixed(block=4, summary=1)", 13, [3, 7, 11, 12, 13]),  # figure 3c
        ("Window(left=1, right=1) | GlobalTokens(n=2)", 9, [0, 1, 8, 9, 10]),
        ("Window(left=1, right=1) | GlobalTokens(n=2)", 1, list(range(16))),
        ("LocalBlocks(block=4)", 6, [4, 5, 6, 7]),
        ("LocalBlocks(block=4, right=1)", 6, list(range(4, 12))),
        ("GlobalBlocks(block=3, first=1, last=1)", 5, [0, 1, 2, 15]),  # 16 tokens are 5 blocks of 3 and one of 1
        ("BigBird(block=2, random=0)", 7, [0, 1, 4, 5, 6, 7, 8, 9, 14, 15]),  # Zaheer et al. 2020, figure 1, without the random part
        ("BigBird(block=2, random=0, extra=3)", 8, [0, 1, 2, 5, 6, 7, 8, 9, 10]),  # ETC: blocks begin behind the global tokens
    ],
)
def test_what_a_query_sees(text: str, query: int, expected: list[int]) -> None:
    assert seen(text, query) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("GlobalTokens(n=0)", "at least one token is global"),
        ("Dilated(step=0)", "1 or more tokens apart"),
        ("Strided(stride=0)", "at least 1"),
        ("Fixed(block=4, summary=5)", "1 to 4 are its summary"),
        ("LocalBlocks(block=0)", "at least one token"),
        ("RandomBlocks(n=0)", "1 or more"),
        ("BigBird(window=2)", "odd number of blocks"),
        ("RandomBlocks(plan=(((0,), (5,)),))", "names block 5; there are blocks 0 to 1"),
        ("RandomBlocks(plan=(((0,), (1,)), ((1,),)))", "has 1 blocks for one head and 2 for another"),
        ("RandomBlocks(heads=3, plan=(((0,),), ((0,),)))", "is for 2 heads, heads says 3"),
        ("RandomBlocks(heads=2) & RandomBlocks(heads=3)", "drawn for 2 heads, the other for 3"),
        ("Window(1, left=2)", "given twice"),
        ("GlobalTokens(count=2)", "no field 'count'"),
        ("(" * 5000 + "Causal()" + ")" * 5000, "is not a mask|nested too deeply"),
        ("&".join(["Causal()"] * 5000), "is not a mask|nested too deeply"),
    ],
)
def test_what_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Mask.from_text(text, "mask")


def test_text_keeps_what_belongs_together() -> None:
    a, b, c = Causal(), Full(), GlobalTokens()
    texts = {(a & b) & c: "A & F & G", a & (b & c): "A & (F & G)", (a | b) & c: "(A | F) & G", a | (b & c): "A | F & G", a | (b | c): "A | (F | G)"}
    for mask, text in texts.items():
        short = mask.to_text().replace("Causal()", "A").replace("Full()", "F").replace("GlobalTokens()", "G")
        assert short == text and Mask.from_text(mask.to_text()) == mask


def test_a_mask_drawn_by_head_needs_as_many_heads() -> None:
    attention = MultiHeadAttention.Config(n_heads=4, mask=RandomBlocks(heads=3))
    assert [field for field, message in attention.misfits(16) if "draw it for 4" in message] == ["mask"]
    assert not MultiHeadAttention.Config(n_heads=4, mask=RandomBlocks(heads=4)).misfits(16)


def test_what_depends_on_tokens_to_come_says_so() -> None:
    everything = Full().guarantees()
    assert {"causal", "cached"} <= everything
    for mask in (GlobalBlocks(), RandomBlocks(), BigBird(), Causal() & BigBird(), Or(left=BigBird(), right=Causal())):
        assert mask.guarantees() == everything - {"causal", "cached"}, mask
    given = RandomBlocks(plan=(((0,), (1,)),))
    for mask in (Causal(), Dilated(), GlobalTokens(), LocalBlocks(), GlobalBlocks(last=0), GlobalBlocks(blocks=4), given, BigBird(plan=given.plan)):
        assert mask.guarantees() == everything, mask


@pytest.mark.parametrize("blocks", [1, 4, 6, 30])
def test_draws_are_others_none_near_and_none_at_the_edges(blocks: int) -> None:
    mask = RandomBlocks(block=4, n=3, seed=7, heads=5, apart=1, edge=1)
    drawn = mask.drawn(blocks)
    assert len(drawn) == 5 and drawn == mask.drawn(blocks)
    for of_head in drawn:
        assert len(of_head) == blocks
        for own, row in enumerate(of_head):
            there = {b for b in range(1, blocks - 1) if abs(b - own) > 1}
            assert len(set(row)) == len(row) == min(3, len(there)) and set(row) <= there
    if blocks == 30:
        assert len(set(drawn)) == 5 and drawn != RandomBlocks(block=4, n=3, seed=8, heads=5, apart=1, edge=1).drawn(blocks)


def test_all_draws_come_as_often() -> None:
    """Of 7 blocks, block 3 draws 2 of 0, 1, 5, 6: six pairs, 3,000 times; chi square with 5 degrees of freedom is below 20.5 in 999 of 1,000 cases."""
    counts = Counter(RandomBlocks(block=1, n=2, seed=seed, apart=1).drawn(7)[0][3] for seed in range(3000))
    assert set(counts) == {(0, 1), (0, 5), (0, 6), (1, 5), (1, 6), (5, 6)}
    assert sum((n - 500) ** 2 / 500 for n in counts.values()) < 20.5


def test_draws_of_a_document_are_its_own() -> None:
    """In a packed row a document sees what it sees alone."""
    mask = RandomBlocks(block=2, n=1, seed=3)
    segments = torch.tensor([[1] * 8 + [2] * 12])
    packed = place_of(segments, segments, None)
    table = mask.allows(packed, packed)[0]
    for part, length in ((slice(0, 8), 8), (slice(8, 20), 12)):
        place = place_of(torch.zeros(1, length, dtype=torch.int64), None, None)
        assert torch.equal(table[part, part], mask.allows(place, place)[0])


def test_the_plan_of_inner_blocks() -> None:
    assert plan_of_inner_blocks([[[2, 1], [1]], [[2], [2]]]) == (((), (1, 2), (1,), ()), ((), (2,), (2,), ()))
