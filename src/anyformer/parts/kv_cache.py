"""What decoding remembers. Owned by whoever decodes; the model only reads it and appends to it.

Shapes: R rows being decoded, M rows of memory (R is a multiple of M: each source row may have several hypotheses), L slots.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Padding
from anyformer.parts.place import Place


class Keys:
    """Keys and values of one attention layer, [R, K, L, H], in slots that are filled from the left."""

    def __init__(self, k: Tensor, v: Tensor, used: int = 0):
        self.k, self.v, self.used = k, v, used

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Adds [R, K, T, H] behind what is there; returns everything up to now."""
        end = self.used + k.shape[2]
        self.k[:, :, self.used : end] = k
        self.v[:, :, self.used : end] = v
        self.used = end
        return self.k[:, :, :end], self.v[:, :, :end]

    def select(self, rows: Tensor) -> None:
        """Row i becomes what row rows[i] was. Only filled slots are copied."""
        self.k, self.v = _rows(self.k, rows, self.used), _rows(self.v, rows, self.used)


def _rows(held: Tensor, rows: Tensor, used: int) -> Tensor:
    chosen = held.new_empty(len(rows), *held.shape[1:])
    chosen[:, :, :used] = held[:, :, :used].index_select(0, rows)
    return chosen


class LayerState(NamedTuple):
    """What one layer remembers of itself and, in a decoder over a memory, of that."""

    own: Keys
    cross: Keys | None


class KVCache:
    """The states of all layers and one ledger of where the remembered tokens stand.

    `model(batch, cache=cache)` appends the batch's tokens; `reorder` and `truncate` change what was appended.
    """

    def __init__(self, layers: list[LayerState], rows: int, capacity: int, memory_segments: Tensor | None, memory_padding: Padding):
        self.layers = layers
        self.rows, self.capacity = rows, capacity
        self.length = 0
        self.memory_segments, self.memory_padding = memory_segments, memory_padding
        self._segments: Tensor | None = None  # [R, L]; only where something is padded
        self._prefix: Tensor | None = None
        self.padding: Padding = "none"

    @property
    def has_memory(self) -> bool:
        return bool(self.layers) and self.layers[0].cross is not None

    def extend(self, q: Place, padding: Padding) -> Place:
        """Enters the places of new tokens [R, T]; returns the places of all remembered tokens, the new ones included."""
        end = self.length + q.index.shape[0]
        if end > self.capacity:
            raise ValueError(f"the cache holds {self.capacity} tokens, {end} are asked for")
        if q.segment is not None and padding != "none":
            self.padding = "any"
        self._segments = self._enter(self._segments, q.segment, end, 1)
        self._prefix = self._enter(self._prefix, q.prefix, end, 0)
        self.length = end
        index = torch.arange(end, device=q.index.device)
        segment = None if self._segments is None else self._segments[:, :end]
        prefix = None if self._prefix is None else self._prefix[:, :end].bool()
        return Place(index, index.unsqueeze(0), segment, prefix)

    def _enter(self, held: Tensor | None, new: Tensor | None, end: int, default: int) -> Tensor | None:
        if held is None and new is None:
            return None
        if held is None and new is not None:
            held = torch.full((self.rows, self.capacity), default, dtype=torch.int64, device=new.device)
        assert held is not None
        held[:, self.length : end] = default if new is None else new.long()
        return held

    def reorder(self, rows: Tensor, memory_rows: Tensor | None = None) -> None:
        """Row i becomes what row rows[i] was; rows may be left out or repeated. `memory_rows` does the same for the memory."""
        for layer in self.layers:
            layer.own.select(rows)
            if memory_rows is not None and layer.cross is not None:
                layer.cross.select(memory_rows)
        if memory_rows is not None and self.memory_segments is not None:
            self.memory_segments = self.memory_segments.index_select(0, memory_rows)
        self._segments = None if self._segments is None else self._segments.index_select(0, rows)
        self._prefix = None if self._prefix is None else self._prefix.index_select(0, rows)
        self.rows = len(rows)

    def truncate(self, length: int) -> None:
        """Forgets everything from slot `length` on."""
        if length > self.length:
            raise ValueError(f"the cache holds {self.length} tokens, cannot be cut to {length}")
        self.length = length
        for layer in self.layers:
            layer.own.used = length
