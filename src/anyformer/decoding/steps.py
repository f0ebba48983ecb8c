"""The decoder, one position at a time: `Steps` holds its cache and the rows that are still being written."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from anyformer.batch import Batch


class Steps:
    """Rows of a decoder over an encoded source, R = beam * memory rows; row r reads memory row r // beam."""

    def __init__(self, model: Any, memory: Any, beam: int, length: int):
        hidden = memory.hidden
        self.model, self.device = model, hidden.device
        self._cache = model.new_cache(hidden.shape[0] * beam, length, memory=memory, device=hidden.device, dtype=hidden.dtype)

    def logits(self, tokens: Tensor) -> Tensor:
        """Appends tokens [R] and gives what the model thinks comes next, [R, V] in fp32."""
        output = self.model(Batch(tokens=tokens.unsqueeze(1)), cache=self._cache)
        return output.head(output.hidden[:, -1]).float()

    def keep(self, rows: Tensor, memory_rows: Tensor | None = None) -> None:
        """Goes on with these rows, in this order, over these rows of the memory (None: all)."""
        self._cache.reorder(rows, memory_rows)


def start(n_rows: int, bos: int, longest: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """First tokens [R] and the room for what will be written, [R, longest + 1]."""
    return torch.full((n_rows,), bos, device=device), torch.empty((n_rows, longest + 1), dtype=torch.int64, device=device)
