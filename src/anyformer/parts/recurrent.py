"""What decoding remembers where keys are summed: as much for a long text as for a short one.

Shapes: R rows, M rows of a memory, K key heads, N heads, F features, H head width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from anyformer.parts.feature_sums import Sums
from anyformer.parts.kv_cache import FixedKeys, State
from anyformer.parts.reach import NOTHING


class Recurrent(State):
    """The sums over all tokens up to now."""

    def __init__(self, rows: int, n_heads: int, n_features: int, head_dim: int, device: torch.device):
        self.products = torch.zeros(rows, n_heads, n_features, head_dim + 1, device=device)
        self.top = torch.full((rows, n_heads), NOTHING, device=device)
        self.used = 0

    @property
    def rows(self) -> int:
        return self.products.shape[0]

    @property
    def sums(self) -> Sums:
        return Sums(self.products, self.top)

    def advance(self, sums: Sums, tokens: int) -> None:
        """`sums` stand for these many tokens more."""
        (self.products, self.top), self.used = sums, self.used + tokens

    def select(self, rows: Tensor) -> None:
        self.products, self.top = self.products.index_select(0, rows), self.top.index_select(0, rows)

    def check_cut(self, length: int) -> None:
        """All or nothing: a sum does not tell what its last parts were."""
        if length not in (0, self.used):
            raise ValueError(f"the sums of random features stand for {self.used} tokens and cannot be cut to {length}; begin again from 0")

    def truncate(self, length: int) -> None:
        self.check_cut(length)
        if length == 0:
            self.products, self.top, self.used = torch.zeros_like(self.products), torch.full_like(self.top, NOTHING), 0


class Summary(FixedKeys):
    """A memory of which, once it was read, only its sums are kept."""

    def __init__(self, k: Tensor, v: Tensor):
        super().__init__(k, v, used=k.shape[2])  # [M, K, S, H]
        self._sums: Sums | None = None

    def read(self, add_up: Callable[[Tensor, Tensor], Sums]) -> Sums:
        """The sums over the memory's keys and values, added up when first asked for: only then it is known which of them are real."""
        if self._sums is None:
            self._sums = add_up(self.k, self.v)
            self.k, self.v, self.used = self.k[:, :, :0].clone(), self.v[:, :, :0].clone(), 0
        return self._sums

    def select(self, rows: Tensor) -> None:
        super().select(rows)
        if self._sums is not None:
            self._sums = Sums(self._sums.products.index_select(0, rows), self._sums.top.index_select(0, rows))
