"""Learned vectors for distances (Shaw et al. 2018): keys and values look different from where the query stands.

    e_ij = q_i (k_j + a_ij) * scale,   z_i = sum_j softmax(e)_ij (v_j + c_ij),   a_ij = keys[clip(j - i)],  c_ij = values[clip(j - i)]

Dimensions: B rows (1 where all rows agree), T queries i, S keys j, N heads, H head width, C = 2 max_distance + 1 clipped distances.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from anyformer.parts.attention_position import AttentionPosition, offsets
from anyformer.parts.place import Place
from anyformer.spec import spec

if TYPE_CHECKING:
    from anyformer.parts.init import Init


class Shaw(AttentionPosition):
    """Section 3: two tables a layer, shared by its heads (equations 3 to 5). sides "keys" leaves the values alone (section 4.3)."""

    uses: ClassVar[frozenset[str]] = frozenset({"scores", "values"})

    @spec
    class Config(AttentionPosition.Config):
        max_distance: int = 16  # distances beyond it share its vector
        sides: Literal["both", "keys"] = "both"

        @property
        def per(self) -> Literal["stack", "layer"]:
            return "layer"

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.max_distance < 1:
                yield "max_distance", f"must be at least 1, not {self.max_distance}; the paper has 16"

    def __init__(self, config: Config, d_model: int, n_heads: int, head_dim: int):
        super().__init__()
        self.max_distance = config.max_distance
        self.key_vectors = nn.Parameter(torch.zeros(2 * config.max_distance + 1, head_dim))
        self.value_vectors = nn.Parameter(torch.zeros_like(self.key_vectors)) if config.sides == "both" else None

    def initialize(self, init: Init) -> None:
        init.matrix(self.key_vectors)
        if self.value_vectors is not None:
            init.matrix(self.value_vectors)

    def scores(self, q: Tensor, k: Tensor, at_q: Place, at_k: Place) -> Tensor:
        by_distance = q @ self.key_vectors.to(q.dtype).t()  # [B, N, T, C]: each query meets every distance once, not every key
        return by_distance.gather(-1, self._rows(at_q, at_k).expand(*q.shape[:3], -1))

    def values(self, weights: Tensor, at_q: Place, at_k: Place) -> Tensor | None:
        if self.value_vectors is None:
            return None
        rows = self._rows(at_q, at_k).expand_as(weights)
        by_distance = weights.new_zeros(*weights.shape[:3], len(self.value_vectors)).scatter_add(-1, rows, weights)  # [B, N, T, C]
        return by_distance @ self.value_vectors.to(weights.dtype)

    def _rows(self, at_q: Place, at_k: Place) -> Tensor:
        """The row of each pair in the tables, [1|B, 1, T, S]."""
        return (offsets(at_q, at_k).clamp(-self.max_distance, self.max_distance) + self.max_distance).unsqueeze(1)
