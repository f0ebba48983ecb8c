"""Random attention by blocks (Zaheer et al. 2020, section 2): each block of queries sees a few blocks of keys, drawn once and for all.

Draws are a function of the mask, the head, the block and the number of blocks, computed anew wherever they are needed: no table is kept, and each
document of a packed row has its own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import Tensor

from anyformer.parts.mask import Mask
from anyformer.parts.mask_facts import Bounds, Span, Tokens
from anyformer.spec import spec

Draws = tuple[tuple[tuple[int, ...], ...], ...]
"""For each head, for each block of queries, the blocks of keys that it sees."""


@spec
class RandomBlocks(Mask):
    """Documents are cut into blocks of `block` tokens, from token `start` on; each sees `n` others, fewer where there are not so many.

    Drawn without repetition among the blocks that are more than `apart` from it, and not among the `edge` first and last ones. What depends on the
    number of blocks depends on tokens still to come; with `plan` the draws are given, whatever the length.
    """

    block: int = 64
    n: int = 3
    seed: int = 0
    heads: int = 1  # 1: all heads see the same; else each of so many draws for itself
    apart: int = 0
    edge: int = 0
    start: int = 0
    plan: Draws | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        for name, least in (("block", 1), ("n", 1), ("seed", 0), ("heads", 1), ("apart", 0), ("edge", 0), ("start", 0)):
            if getattr(self, name) < least:
                yield name, f"must be {least} or more, not {getattr(self, name)}"
        if self.plan is not None:
            yield from plan_problems(self.plan, self.heads)

    @property
    def own_heads(self) -> int:
        return self.heads if self.plan is None else len(self.plan)

    def guarantees(self) -> frozenset[str]:
        return super().guarantees() - (frozenset({"causal", "cached"}) if self.plan is None else frozenset())

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        other = self.block_of(k)
        return functools.reduce(torch.logical_or, [other == drawn for drawn in self.seen_by(q)]) & (other >= 0)

    def seen_by(self, q: Tokens) -> list[Tensor]:
        """The blocks that these queries see, -1 for none."""
        own = self.block_of(q)
        drawn = self._drawn(own, -((self.start - q.length) // self.block), q.head)
        return [torch.where(own >= 0, block, -1) for block in drawn]

    def block_of(self, tokens: Tokens) -> Tensor:
        return (tokens.rank - self.start) // self.block

    def bounds(self, q: Span, k: Span) -> Bounds:
        least, most = q.length
        if not isinstance(q.rank[0], Tensor) or not isinstance(least, Tensor):
            return Bounds(True, False)
        (low, high), (k_low, k_high) = ([(torch.as_tensor(rank) - self.start) // self.block for rank in span.rank] for span in (q, k))
        known = (least == most) | (self.plan is not None)
        some, hit = ~known, torch.zeros_like(known)
        touched = (q.size - 1) // self.block + 2  # blocks of this mask that a span of neighbours can lie in
        for i in range(touched):
            for block in self._drawn((low + i).minimum(high), -((self.start - least) // self.block), q.head):
                some = some | ((k_low <= block) & (block <= k_high))
                hit = hit | ((k_low == block) & (block == k_high) & (block >= 0))
        return Bounds(some | (high - low >= touched), known & (low == high) & (low >= 0) & hit)

    def drawn(self, n_blocks: int) -> Draws:
        """The draws for a text of so many blocks."""
        own = torch.arange(n_blocks)
        head = torch.arange(self.own_heads).unsqueeze(1)
        drawn = torch.stack([d.expand(len(head), n_blocks) for d in self._drawn(own, torch.tensor(n_blocks), head)], dim=-1)
        return tuple(tuple(tuple(b for b in row if 0 <= b < n_blocks) for row in of_head) for of_head in drawn.tolist())

    def _drawn(self, own: Tensor, blocks: Tensor, head: Tensor | None) -> list[Tensor]:
        """The blocks that block `own` of `blocks` sees, -1 for none."""
        head = head if self.own_heads > 1 else None  # a mask that it is joined to may have heads of its own
        if self.plan is not None:
            table = _table(self.plan, own.device)
            row = table[0 if head is None else head, own.clamp(0, table.shape[1] - 1)]
            inside = (own >= 0) & (own < table.shape[1])
            return [torch.where(inside, row[..., i], -1) for i in range(table.shape[2])]
        first, last = self.edge, (blocks - self.edge).clamp(min=self.edge)
        begin = (own - self.apart).clamp(min=self.edge).minimum(last)  # its own surroundings, of which none is drawn
        near = (own + self.apart + 1).clamp(min=self.edge).minimum(last) - begin
        there = last - first - near
        chosen: list[Tensor] = []  # counted among those that can be drawn, in ascending order
        for i in range(self.n):
            number = _scatter(own + _PRIMES[0] * (i + 1) + _PRIMES[1] * self.seed + (0 if head is None else _PRIMES[2] * head))
            draw = number % (there - i).clamp(min=1)
            for earlier in chosen:
                draw = draw + (draw >= earlier).long()
            draw = torch.where(there > i, draw, _NONE)
            for j, earlier in enumerate(chosen):
                chosen[j], draw = torch.minimum(earlier, draw), torch.maximum(earlier, draw)
            chosen.append(draw)
        found = [c + first + torch.where(c + first >= begin, near, 0) for c in chosen]
        return [torch.where(c < _NONE, f, -1) for c, f in zip(chosen, found, strict=True)]


_PRIMES = (1_000_003, 40_503_001, 7_368_787)
_NONE = 2**40


def _scatter(x: Tensor) -> Tensor:
    """Whole numbers below 2^32 that look random, the same everywhere for the same x (a finalizer of integer hashes)."""
    x = x & 0xFFFFFFFF
    for _ in range(2):
        x = ((x ^ (x >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
    return x ^ (x >> 16)


@functools.lru_cache(maxsize=64)
def _table(plan: Draws, device: torch.device) -> Tensor:
    """[heads, blocks, most draws], -1 for none."""
    most = max((len(row) for of_head in plan for row in of_head), default=0)
    return torch.tensor([[[*row, *[-1] * (max(most, 1) - len(row))] for row in of_head] for of_head in plan], device=device)


def plan_problems(plan: Draws, heads: int) -> Iterator[tuple[str, str]]:
    """(field, message) for what is wrong with draws that were given."""
    if not plan or not plan[0]:
        yield "plan", "has for each head, for each block of queries, the blocks that it sees; it is empty"
        return
    if heads not in (1, len(plan)):
        yield "plan", f"is for {len(plan)} heads, heads says {heads}"
    blocks = {len(of_head) for of_head in plan}
    if len(blocks) > 1:
        yield "plan", f"has {min(blocks)} blocks for one head and {max(blocks)} for another"
    wrong = sorted({block for of_head in plan for row in of_head for block in row if not 0 <= block < len(plan[0])})
    if wrong:
        yield "plan", f"names block {wrong[0]}; there are blocks 0 to {len(plan[0]) - 1}"
