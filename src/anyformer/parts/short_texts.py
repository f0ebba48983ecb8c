"""Sparse attention that is not worth it: short texts are seen whole (Zaheer et al. 2020 fall back to full attention where there are few blocks)."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from anyformer.parts.mask import Mask
from anyformer.parts.mask_facts import Bounds, Span, Tokens
from anyformer.spec import spec


@spec
class WholeIfShort(Mask):
    """In a document of at most `length` tokens everybody sees everybody, in a longer one nobody does: `WholeIfShort(704) | BigBird()`.

    How long a text is, is known when it has ended, so this is for encoders.
    """

    length: int

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.length < 1:
            yield "length", f"a text has at least 1 token, not {self.length}"

    def guarantees(self) -> frozenset[str]:
        return super().guarantees() - {"causal", "cached"}

    def sees(self, q: Tokens, k: Tokens) -> Tensor:
        return (q.length <= self.length) & (k.length <= self.length)

    def bounds(self, q: Span, k: Span) -> Bounds:
        (least, most), (k_least, k_most) = q.length, k.length
        return Bounds((least <= self.length) & (k_least <= self.length), (most <= self.length) & (k_most <= self.length))
