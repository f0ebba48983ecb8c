"""Masks that leave gaps: dilated windows, global tokens, and the two patterns of the Sparse Transformer."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from anyformer.parts.mask import FULL, Mask, Window, within
from anyformer.parts.mask_facts import FAR, Bounds, Span, Tokens
from anyformer.spec import spec


class Compound(Mask):
    """A pattern with a name of its own that other masks make up."""

    def made_of(self) -> Mask:
        raise NotImplementedError

    @property
    def own_heads(self) -> int:
        return self.made_of().own_heads

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        return self.made_of().sees(q, k)

    def bounds(self, q: Span, k: Span) -> Bounds:
        return self.made_of().bounds(q, k)

    def guarantees(self) -> frozenset[str]:
        return self.made_of().guarantees()

    def reduced(self, q: Span, k: Span) -> Mask | None:
        return self.made_of().reduced(q, k)


@spec
class Dilated(Mask):
    """A window with gaps (Beltagy et al. 2020, section 3.1): a query sees itself and every `step`-th key, up to `left` of them before it and `right` after.

    None: no bound.
    """

    step: int = 2
    left: int | None = None
    right: int | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.step < 1:
            yield "step", f"keys lie 1 or more tokens apart, not {self.step}"
        for name in ("left", "right"):
            value = getattr(self, name)
            if value is not None and value < 0:
                yield name, f"a window holds 0 or more keys on a side, not {value}"

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        distance = q.order - k.order
        return (distance % self.step == 0) & self._reach().sees(q, k)

    def bounds(self, q: Span, k: Span) -> Bounds:
        reach = self._reach()
        low, high = q.order[0] - k.order[1], q.order[1] - k.order[0]
        some, every = within(low, high, reach.left, reach.right)
        if self.step == 1:
            return Bounds(some, every)
        # the nearest distance that counts, from below, within the window and within these blocks
        least, most = (-FAR if reach.right is None else -reach.right), (FAR if reach.left is None else reach.left)
        hits = (_smaller(high, most) // self.step) * self.step >= _greater(low, least)
        return Bounds(some & hits, every & (low == high) & (low % self.step == 0))

    def _reach(self) -> Window:
        left, right = (None if n is None else n * self.step for n in (self.left, self.right))
        return Window(left=left, right=right)


def _smaller(x: int | Tensor, bound: int) -> int | Tensor:
    return x.clamp(max=bound) if isinstance(x, Tensor) else min(x, bound)


def _greater(x: int | Tensor, bound: int) -> int | Tensor:
    return x.clamp(min=bound) if isinstance(x, Tensor) else max(x, bound)


@spec
class GlobalTokens(Mask):
    """The first `n` tokens of a document see everybody and are seen by everybody (Beltagy et al. 2020, section 3.1)."""

    n: int = 1

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.n < 1:
            yield "n", f"at least one token is global, not {self.n}; leave the mask out for none"

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        return (q.rank < self.n) | (k.rank < self.n)

    def bounds(self, q: Span, k: Span) -> Bounds:
        return Bounds((q.rank[0] < self.n) | (k.rank[0] < self.n), (q.rank[1] < self.n) | (k.rank[1] < self.n))


@spec
class LocalBlocks(Mask):
    """Documents are cut into blocks; a query sees its own, `left` blocks before it and `right` after; None: no bound.

    The cut begins at token `start`; earlier tokens lie in blocks before the first.
    """

    block: int = 128
    left: int | None = 0
    right: int | None = 0
    start: int = 0

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.block < 1:
            yield "block", f"a block has at least one token, not {self.block}"
        for name in ("left", "right", "start"):
            value = getattr(self, name)
            if value is not None and value < 0:
                yield name, f"must be 0 or more, not {value}"

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        if self.left is None and self.right is None:
            return FULL.sees(q, k)
        distance = (q.rank - self.start) // self.block - (k.rank - self.start) // self.block
        return (distance <= (FAR if self.left is None else self.left)) & (distance >= (-FAR if self.right is None else -self.right))

    def bounds(self, q: Span, k: Span) -> Bounds:
        (q_low, q_high), (k_low, k_high) = (tuple((rank - self.start) // self.block for rank in span.rank) for span in (q, k))
        return within(q_low - k_high, q_high - k_low, self.left, self.right)


@spec
class BlockEnds(Mask):
    """Documents are cut into blocks; everybody sees the last `n` tokens of every block, where a summary of it can be kept."""

    block: int = 128
    n: int = 1

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.block < 1:
            yield "block", f"a block has at least one token, not {self.block}"
        elif not 1 <= self.n <= self.block:
            yield "n", f"of a block of {self.block} tokens 1 to {self.block} are its end, not {self.n}"

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        return k.rank % self.block >= self.block - self.n

    def bounds(self, q: Span, k: Span) -> Bounds:
        low, high = k.rank
        ends = self._up_to(high) - self._up_to(low - 1)
        return Bounds(ends > 0, ends == high - low + 1)

    def _up_to(self, rank: int | Tensor) -> int | Tensor:
        """How many tokens with ranks 0 .. rank are ends."""
        count = rank + 1
        return (count // self.block) * self.n + _greater(count % self.block - (self.block - self.n), 0)


@spec
class Strided(Compound):
    """The strided pattern of the Sparse Transformer (Child et al. 2019, section 4.2): the nearest `stride` keys, and every `stride`-th key.

    Both halves are joined, as in section 4.3's merged heads; for one alone take Window(left=stride) or Dilated(step=stride). The paper has it
    within the causal mask: `Causal() & Strided(stride=128)`.
    """

    stride: int = 128

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.stride < 1:
            yield "stride", f"must be at least 1, not {self.stride}; the paper has 128"

    def made_of(self) -> Mask:
        return Window(left=self.stride, right=self.stride) | Dilated(step=self.stride)


@spec
class Fixed(Compound):
    """The fixed pattern of the Sparse Transformer (Child et al. 2019, section 4.2): the own block of `block` keys, and the last `summary` of every block.

    Both halves are joined, as in section 4.3's merged heads; for one alone take LocalBlocks(block) or BlockEnds(block, n). The paper has it
    within the causal mask: `Causal() & Fixed(block=128, summary=8)`.
    """

    block: int = 128
    summary: int = 8

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.block < 1:
            yield "block", f"a block has at least one token, not {self.block}; the paper has 128 and 256"
        elif not 1 <= self.summary <= self.block:
            yield "summary", f"of a block of {self.block} tokens 1 to {self.block} are its summary, not {self.summary}; the paper has 8, 16 and 32"

    def made_of(self) -> Mask:
        return LocalBlocks(block=self.block) | BlockEnds(block=self.block, n=self.summary)
