"""Who sees whom, as an expression over facts: `Causal() | Prefix()`, `Causal() & Window(left=255)`.

A mask is a rule: may this query see this key? It reads where they stand in their text (`mask_facts`), never positions: those may repeat (GLM).
That a query sees only its own document, and no padding, is added by the lowering, for every mask.

In recipes a mask is written as the same expression; it is parsed, never evaluated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from anyformer.parts import mask_text
from anyformer.parts.mask_facts import FAR, Bounds, Span, Tokens, read
from anyformer.parts.place import Place
from anyformer.spec import Spec, spec

Extent = Literal["none", "some", "all"]


class Mask(Spec):
    """Slot for masks. A mask says `sees` and `bounds`; everything else follows from them."""

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        """Whether these queries may see these keys: bool, with the shape that their facts broadcast to."""
        raise NotImplementedError

    def bounds(self, q: Span, k: Span) -> Bounds:
        """What `sees` gives for blocks of queries and keys, as far as it follows from the least and greatest of each fact."""
        raise NotImplementedError

    @property
    def own_heads(self) -> int:
        """How many heads have a rule of their own; 1: all heads have the same."""
        return 1

    @property
    def grain(self) -> frozenset[int]:
        """Sizes of the blocks, if any, that the rule is made of."""
        block = getattr(self, "block", None)
        return frozenset() if block is None else frozenset({block})

    def guarantees(self) -> frozenset[str]:
        """Which of "causal", "cached", "packed", "batched" hold (`parts.guarantees` says what they mean)."""
        return frozenset({"causal", "cached", "packed", "batched"})

    def reduced(self, q: Span, k: Span) -> Mask | None:
        """A mask that says the same of all pairs of these two blocks, in fewer words where there are; None: nobody sees anything."""
        some, every = self.bounds(q, k)
        return FULL if every is True else self if some is not False else None

    def allows(self, q: Place, k: Place, head: int | None = None, cross: bool = False) -> Tensor:
        """The rule for all queries and keys of these places: bool [1|B, 1|T, S]. `head` None: allowed in any head."""
        queries, keys = read(q, k, cross=cross)
        heads = None if self.own_heads == 1 else torch.arange(self.own_heads, device=q.index.device)[:, None, None]
        allowed = self.sees(queries.as_queries(heads), keys.as_keys())
        return allowed.any(1) if head is None or allowed.shape[1] == 1 else allowed[:, head]

    def extent(self, q: range, k: range) -> Extent:
        """What the rule gives for a block of queries and keys of one text, known without data; "some" where tokens differ or more must be known."""
        length = (max(q[-1], k[-1]) + 1, FAR)
        some, every = self.bounds(*(Span((r[0], r[-1]), (r[0], r[-1]), length, (True, False)) for r in (q, k)))
        return "all" if every is True else "some" if some is not False else "none"

    def __and__(self, other: Mask) -> Mask:
        return And(left=self, right=other)

    def __or__(self, other: Mask) -> Mask:
        return Or(left=self, right=other)

    def to_text(self) -> str:
        """The expression that `from_text` reads."""
        given = [f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if getattr(self, f.name) != f.default]  # type: ignore[arg-type]
        return f"{self.kind()}({', '.join(given)})"

    @classmethod
    def from_text(cls, text: str, path: str = "") -> Mask:
        return mask_text.parse(text, path, {kind: made for kind, made in Mask.menu().items() if made not in (And, Or)})


@spec
class Full(Mask):
    """Everybody sees everybody."""

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        return torch.ones_like(k.order, dtype=torch.bool)

    def bounds(self, q: Span, k: Span) -> Bounds:
        return Bounds(True, True)


FULL = Full()


@spec
class Causal(Mask):
    """Nobody sees what comes later (Vaswani et al. 2017, section 3.2.3)."""

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        return k.order <= q.order

    def bounds(self, q: Span, k: Span) -> Bounds:
        return Bounds(k.order[0] <= q.order[1], k.order[1] <= q.order[0])


@spec
class Prefix(Mask):
    """Everybody sees the open prefix (Dong et al. 2019; with Causal a prefix decoder)."""

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        return torch.zeros_like(k.order, dtype=torch.bool) if k.prefix is None else k.prefix

    def bounds(self, q: Span, k: Span) -> Bounds:
        return Bounds(*k.prefix)


@spec
class Window(Mask):
    """A query sees `left` keys before it, itself, and `right` keys after it; None: no bound (Beltagy et al. 2020)."""

    left: int | None = None
    right: int | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        for name in ("left", "right"):
            value = getattr(self, name)
            if value is not None and value < 0:
                yield name, f"a window reaches 0 or more tokens, not {value}"

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        if self.left is None and self.right is None:
            return FULL.sees(q, k)
        distance = q.order - k.order
        if self.left is None or self.right is None:
            return distance <= self.left if self.left is not None else distance >= -(self.right or 0)
        return (distance <= self.left) & (distance >= -self.right)

    def bounds(self, q: Span, k: Span) -> Bounds:
        return within(q.order[0] - k.order[1], q.order[1] - k.order[0], self.left, self.right)


def within(low: int | Tensor, high: int | Tensor, left: int | None, right: int | None) -> Bounds:
    """Of distances low .. high, how many lie in -right .. left."""
    least, most = -FAR if right is None else -right, FAR if left is None else left
    return Bounds((high >= least) & (low <= most), (low >= least) & (high <= most))


class Both(Mask):
    """Two masks joined."""

    left: Mask
    right: Mask

    @property
    def own_heads(self) -> int:
        return max(self.left.own_heads, self.right.own_heads)

    @property
    def grain(self) -> frozenset[int]:
        return self.left.grain | self.right.grain

    def guarantees(self) -> frozenset[str]:
        return self.left.guarantees() & self.right.guarantees()

    def problems(self) -> Iterator[tuple[str, str]]:
        heads = {self.left.own_heads, self.right.own_heads} - {1}
        if len(heads) == 2:
            yield "right", f"one mask is drawn for {min(heads)} heads, the other for {max(heads)}; both must be drawn for as many, or for 1"


@spec
class And(Both):
    left: Mask
    right: Mask

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        return self.left.sees(q, k) & self.right.sees(q, k)

    def bounds(self, q: Span, k: Span) -> Bounds:
        a, b = self.left.bounds(q, k), self.right.bounds(q, k)
        return Bounds(a.some & b.some, a.all & b.all)

    def reduced(self, q: Span, k: Span) -> Mask | None:
        a, b = self.left.reduced(q, k), self.right.reduced(q, k)
        if a is None or b is None:
            return None
        return b if a == FULL else a if b in (FULL, a) else self if (a, b) == (self.left, self.right) else a & b

    def to_text(self) -> str:
        left = f"({self.left.to_text()})" if isinstance(self.left, Or) else self.left.to_text()
        right = f"({self.right.to_text()})" if isinstance(self.right, Both) else self.right.to_text()
        return f"{left} & {right}"


@spec
class Or(Both):
    left: Mask
    right: Mask

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        return self.left.sees(q, k) | self.right.sees(q, k)

    def bounds(self, q: Span, k: Span) -> Bounds:
        a, b = self.left.bounds(q, k), self.right.bounds(q, k)
        return Bounds(a.some | b.some, a.all | b.all)

    def reduced(self, q: Span, k: Span) -> Mask | None:
        a, b = self.left.reduced(q, k), self.right.reduced(q, k)
        if FULL in (a, b):
            return FULL
        if a is None or b is None or a == b:
            return b if a is None else a
        return self if (a, b) == (self.left, self.right) else a | b

    def to_text(self) -> str:
        right = f"({self.right.to_text()})" if isinstance(self.right, Or) else self.right.to_text()
        return f"{self.left.to_text()} | {right}"
