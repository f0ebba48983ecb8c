"""BigBird (Zaheer et al. 2020): each block sees its neighbours, a few that are drawn at random, and some that everybody sees and that see everybody."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from torch import Tensor

from anyformer.parts.mask import Mask
from anyformer.parts.mask_facts import Bounds, Span, Tokens
from anyformer.parts.random_blocks import Draws, RandomBlocks, plan_problems
from anyformer.parts.sparse_masks import Compound, GlobalTokens, LocalBlocks
from anyformer.spec import spec


@spec
class GlobalBlocks(Mask):
    """Documents are cut into blocks of `block` tokens; the `first` and the `last` of them see everybody and are seen by everybody.

    Which one is the last is known when the text has ended; with `blocks` it is the last of so many, whatever the length.
    """

    block: int = 64
    first: int = 1
    last: int = 1
    blocks: int | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        for name, least in (("block", 1), ("first", 0), ("last", 0), ("blocks", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                yield name, f"must be {least} or more, not {value}"

    def guarantees(self) -> frozenset[str]:
        return super().guarantees() - (frozenset({"causal", "cached"}) if self.last and self.blocks is None else frozenset())

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        return self._is_global(q.rank, q.length) | self._is_global(k.rank, k.length)

    def bounds(self, q: Span, k: Span) -> Bounds:
        some, every = [], []
        for span in (q, k):
            (low, high), (least, most) = span.rank, span.length
            some.append((low < self.first * self.block) | (high >= self._last(least)))
            every.append((high < self.first * self.block) | (low >= self._last(most)))
        return Bounds(some[0] | some[1], every[0] | every[1])

    def _is_global(self, rank: Tensor, length: Tensor) -> Tensor:
        return (rank < self.first * self.block) | (rank >= self._last(length))

    def _last(self, length: int | Tensor) -> int | Tensor:
        """The first token of the last blocks."""
        blocks = -(-length // self.block) if self.blocks is None else self.blocks
        return (blocks - self.last) * self.block if self.last else length + 1


@spec
class BigBird(Compound):
    """ITC (internal, appendix E.3): the first and the last block are global. ETC (extended): `extra` tokens stand before the text and are global instead.

    `window` is in blocks, the own one in the middle; `random` blocks are drawn among the others. `plan`: the draws, as `RandomBlocks` has them; it fixes
    the number of blocks, so a shorter text ends within them (as where rows are padded to one length).
    """

    block: int = 64
    window: int = 3
    random: int = 3
    extra: int = 0
    seed: int = 0
    heads: int = 1  # 1: all heads draw the same blocks; the paper's code draws for each head, and in each layer anew
    plan: Draws | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        for name, least in (("block", 1), ("random", 0), ("extra", 0), ("seed", 0), ("heads", 1)):
            if getattr(self, name) < least:
                yield name, f"must be {least} or more, not {getattr(self, name)}"
        if self.window < 1 or self.window % 2 == 0:
            yield "window", f"is an odd number of blocks, its own in the middle, not {self.window}; the paper has 3"
        if self.plan is not None:
            yield from plan_problems(self.plan, self.heads)

    def made_of(self) -> Mask:
        return _made_of(self)


@functools.lru_cache(maxsize=64)
def _made_of(mask: BigBird) -> Mask:
    reach = mask.window // 2
    made: Mask = LocalBlocks(block=mask.block, left=reach, right=reach, start=mask.extra)
    if mask.extra:
        made |= GlobalTokens(n=mask.extra)
    else:
        made |= GlobalBlocks(block=mask.block, blocks=None if mask.plan is None else len(mask.plan[0]))
    if mask.random or mask.plan is not None:
        edge = 0 if mask.extra else 1
        fields = {"seed": mask.seed, "heads": mask.heads, "apart": reach, "edge": edge, "start": mask.extra, "plan": mask.plan}
        made |= RandomBlocks(block=mask.block, n=max(mask.random, 1), **fields)  # type: ignore[arg-type]
    return made


def plan_of_inner_blocks(drawn: Sequence[Sequence[Sequence[int]]]) -> Draws:
    """A plan from the draws [heads][blocks - 2][draws] of the blocks between the first and the last, as Hugging Face's `rand_attn` has them."""
    return tuple(((), *(tuple(sorted({int(b) for b in row})) for row in of_head), ()) for of_head in drawn)
