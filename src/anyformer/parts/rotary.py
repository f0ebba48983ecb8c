"""Rotary positions (Su et al. 2021, RoFormer): queries and keys are turned by an angle for each step, so their product depends on the distance.

Dimensions: B rows (1 where all rows agree), T tokens, N heads, H head width, R rotated features of each head.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor

from anyformer.parts.attention_position import AttentionPosition, steps
from anyformer.parts.place import Place
from anyformer.parts.rope_scaling import RopeScaling, plain_frequencies
from anyformer.parts.rotation import Pairing, turn
from anyformer.spec import spec


class Rotary(AttentionPosition):
    """Pair i of R / 2 turns by position * base^(-2i/R) (equations 14, 15 and 34).

    pairing "neighbours": features 2i and 2i + 1, as in the paper (GPT-J, GLM); "halves": i and i + R / 2 (GPT-NeoX, LLaMA in `transformers`).
    With R < H the features behind the first R stay as they are. `scaling` is for texts longer than those of the training.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"rotate"})

    @spec
    class Config(AttentionPosition.Config):
        base: float = 10000.0
        dim: int | None = None  # R; None: fraction * head_dim
        fraction: float = 1.0  # of the features of a head
        pairing: Pairing = "halves"
        scaling: RopeScaling | None = None

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.base <= 1:
                yield "base", f"is above 1, so that later pairs turn more slowly, not {self.base}; the paper has 10000"
            if self.dim is not None and self.fraction != 1:
                yield "dim", "give the rotated features as a number (dim) or as a share (fraction), not both"
            if not 0 < self.fraction <= 1:
                yield "fraction", f"is a share of the head's features, above 0 and at most 1, not {self.fraction}"

        def width(self, head_dim: int) -> int:
            """R, for heads of this width."""
            return int(head_dim * self.fraction) if self.dim is None else self.dim

        def misfits(self, n_heads: int, head_dim: int) -> list[tuple[str, str]]:
            width = self.width(head_dim)
            field = "fraction" if self.dim is None and self.fraction != 1 else "dim"
            if head_dim < 2:
                return [("", f"turns pairs of features, and these heads have {head_dim}; take heads of 2 or more")]
            if width % 2 or not 2 <= width <= head_dim:
                near = min(range(2, head_dim + 1, 2), key=lambda w: abs(w - width))
                return [(field, f"{width} of the {head_dim} features of a head cannot be turned in pairs; take dim: {near}")]
            return [] if self.scaling is None else [(f"scaling.{name}", message) for name, message in self.scaling.misfits(width)]

        def guarantees(self) -> frozenset[str]:
            """A scaling that reads the longest row makes every row depend on it."""
            by_length = self.scaling is not None and self.scaling.reads_length
            return self.part.guarantees - ({"cached", "packed", "batched"} if by_length else set())

    def __init__(self, config: Config, d_model: int, n_heads: int, head_dim: int):
        super().__init__()
        self.base, self.pairing, self.scaling = config.base, config.pairing, config.scaling
        self.width = config.width(head_dim)

    def tables(self, place: Place) -> tuple[Tensor, Tensor]:
        """cos and sin of every pair's angle, each [1|B, T, R / 2] fp32."""
        position = steps(place)
        if self.scaling is None:
            frequencies = plain_frequencies(self.base, self.width, position.device)
        else:
            frequencies = self.scaling.frequencies(self.base, self.width, position)
        angle = position.unsqueeze(-1).float() * frequencies
        gain = 1.0 if self.scaling is None else self.scaling.gain
        return (angle.cos(), angle.sin()) if gain == 1 else (angle.cos() * gain, angle.sin() * gain)

    def rotate(self, x: Tensor, tables: tuple[Tensor, ...]) -> Tensor:
        cos, sin = (table.unsqueeze(1) for table in tables)  # [1|B, 1, T, R / 2]
        return turn(x, cos, sin, self.pairing)
