"""Places of tokens for tests of parts that read them."""

from __future__ import annotations

import torch
from torch import Tensor

from anyformer.parts.place import Place


def place(position: Tensor | list[int] | list[list[int]] | int, segment: Tensor | None = None) -> Place:
    """Tokens at these positions, [1|B, T]; a number n: at 0 .. n - 1."""
    if isinstance(position, int):
        position = list(range(position))
    at = position if isinstance(position, Tensor) else torch.tensor(position)
    at = at.unsqueeze(0) if at.dim() == 1 else at
    return Place(torch.arange(at.shape[1]), at, segment)


def last(at: Place, n: int = 1) -> Place:
    """The places of the last n tokens, as a step of decoding has them."""
    return Place(at.index[-n:], at.position[:, -n:], None if at.segment is None else at.segment[:, -n:])
