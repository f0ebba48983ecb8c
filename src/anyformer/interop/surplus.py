"""Their tensors that are none of ours: what becomes of them, and what they must hold so that they can be left out.

A rule without `ours` has such an op. The tensors may be missing when read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from anyformer.interop.ops import Op


class Surplus(Op):
    """`read` raises ValueError, saying why, where the tensor cannot be left out; the first of `theirs` is meant."""

    note = ""  # said to the user when such a tensor was there

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        return []

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return []


@dataclass(frozen=True)
class Dropped(Surplus):
    """Not read and not written; `note` says why (a table that is computed, a head for another task)."""

    note: str


@dataclass(frozen=True)
class Computed(Surplus):
    """A table that they store and we compute; `rows`: how many rows -> the table, `stored`: how many are written."""

    rows: Callable[[int], Tensor]
    stored: int = 0

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        if not torch.allclose(theirs[0].float(), self.rows(theirs[0].shape[0]), atol=1e-4):
            raise ValueError("holds other numbers than the table that the config describes")
        return []

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return [self.rows(self.stored)] if self.stored else []


ALWAYS = "in this family the two are always one, so such a checkpoint cannot be taken over"  # where no key of config.json unties them


@dataclass(frozen=True)
class Same(Surplus):
    """Tied: the first of theirs must equal the second, and is not written. `way`: what to do where it does not."""

    way: str = "set tie_word_embeddings to false to keep them"

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        if not torch.equal(theirs[0], theirs[1]):
            raise ValueError(f"is tied to another tensor, but the file holds other numbers for it; {self.way}")
        return []


@dataclass(frozen=True)
class Filled(Surplus):
    """A constant that they store and we do not have (a bias of zeros)."""

    shape: tuple[int, ...]
    value: float = 0.0

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        if not bool((theirs[0] == self.value).all()):
            raise ValueError(f"is not {self.value:g} everywhere, and this config has no place for it")
        return []

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return [torch.full(self.shape, self.value)]
