"""Positions inside attention: what turns queries and keys, or is added to their scores.

    softmax(cap(scale * (q k + scores)) + bias + mask) v + values

Dimensions: B rows (1 where all rows agree), T queries, S keys, N heads, K key heads, H head width.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from anyformer.parts.part import Part, PartConfig
from anyformer.parts.place import Place
from anyformer.parts.position import in_text


class AttentionPosition(Part):
    """Slot: build(d_model, n_heads, head_dim). A part overrides the methods that it names in `uses`, and no others."""

    class Config(PartConfig):
        @property
        def per(self) -> Literal["stack", "layer"]:
            """ "stack": one module for all layers of a stack whose config, heads and head width are equal; "layer": each layer its own."""
            return "stack"

        def misfits(self, n_heads: int, head_dim: int) -> list[tuple[str, str]]:
            """(field, message) for what cannot be with these heads."""
            return []

    uses: ClassVar[frozenset[str]] = frozenset()  # of "rotate", "bias", "scores", "values"

    def tables(self, place: Place) -> tuple[Tensor, ...] | None:
        """What `rotate` needs for these tokens, computed once a forward: rotary's (cos, sin), each [1|B, T, R] fp32."""
        return None

    def rotate(self, x: Tensor, tables: tuple[Tensor, ...]) -> Tensor:
        """Queries or keys, turned by where they stand: [B, N, T, H] -> [B, N, T, H]."""
        return x

    def bias(self, q: Place, k: Place) -> Tensor | None:
        """Added to the scaled scores, whatever the content: [1|B, N, T, S] fp32."""
        return None

    def scores(self, q: Tensor, k: Tensor, at_q: Place, at_k: Place) -> Tensor | None:
        """Added to q k before the scale, where it depends on the content: q [B, N, T, H], k [B, K, S, H] -> [B, N, T, S]."""
        return None

    def values(self, weights: Tensor, at_q: Place, at_k: Place) -> Tensor | None:
        """Added to weights @ v: [B, N, T, S] -> [B, N, T, H]."""
        return None


def steps(place: Place) -> Tensor:
    """How far along their text tokens stand, [1|B, T]."""
    return in_text(place.position)


def offsets(q: Place, k: Place) -> Tensor:
    """j - i for queries at i and keys at j, [1|B, T, S] int64: below 0 where the key is earlier."""
    return steps(k).unsqueeze(1) - steps(q).unsqueeze(2)
