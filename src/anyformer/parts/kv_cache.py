"""What decoding remembers. Owned by whoever decodes; the model only reads it and appends to it.

Shapes: R rows being decoded in M groups of g (a beam's hypotheses of one sentence; g = 1: each row for itself), L slots,
K key heads of width H.

Hypotheses keep taking over each other's past. Instead of copying keys at each step, the rows of a group share one store,
in which slot s * g + b is what its b-th row wrote at place s, and a table says whose token each row has at each place.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Padding
from anyformer.parts.lowering import Plan, with_bias
from anyformer.parts.place import Place


class Keys:
    """Keys and values of one attention layer, [M, K, L * g, H], in slots that are filled from the left."""

    def __init__(self, k: Tensor, v: Tensor, group: int = 1, used: int = 0):
        self.k, self.v, self.group, self.used = k, v, group, used

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Adds [M, K, g * T, H], a group's rows one after the other, behind what is there; returns everything up to now."""
        begin, end = self.used * self.group, self.used * self.group + k.shape[2]
        for held, new in ((self.k, k), (self.v, v)):
            held[:, :, begin:end] = new if self.group == 1 else new.unflatten(2, (self.group, -1)).transpose(2, 3).flatten(2, 3)
        self.used = end // self.group
        return self.k[:, :, :end], self.v[:, :, :end]

    def select(self, groups: Tensor) -> None:
        """Group i becomes what group groups[i] was. Only filled slots are copied."""
        end = self.used * self.group
        self.k, self.v = _rows(self.k, groups, end), _rows(self.v, groups, end)


def _rows(held: Tensor, rows: Tensor, end: int) -> Tensor:
    chosen = held.new_empty(len(rows), *held.shape[1:])
    chosen[:, :, :end] = held[:, :, :end].index_select(0, rows)
    return chosen


class LayerState(NamedTuple):
    """What one layer remembers of itself and, in a decoder over a memory, of that."""

    own: Keys
    cross: Keys | None


class KVCache:
    """The states of all layers and one ledger of where the remembered tokens stand.

    `model(batch, cache=cache)` appends the batch's tokens; `reorder` and `truncate` change what was appended.
    """

    def __init__(self, layers: list[LayerState], rows: int, capacity: int, group: int, memory_segments: Tensor | None, memory_padding: Padding):
        self.layers = layers
        self.rows, self.capacity, self.group = rows, capacity, group
        self.length = 0
        self.memory_segments, self.memory_padding = memory_segments, memory_padding
        self._segments: Tensor | None = None  # [R, L]; only where something is padded
        self._prefix: Tensor | None = None
        self._holders: Tensor | None = None  # [R, L]: which row of its group wrote what this row has at a place
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

    def spread(self, plan: Plan, n_queries: int, dtype: torch.dtype) -> Plan:
        """A plan over places [.., T, L], for the shared stores of the groups: [M, 1, g * T, L * g], each row only its own past."""
        if self.group == 1:
            return plan
        places = self.length
        device = self.layers[0].own.k.device
        allowed = torch.ones(1, n_queries, places, dtype=torch.bool, device=device)
        if plan.causal:
            allowed = allowed.tril()
        elif plan.allowed is not None:
            allowed = plan.allowed.squeeze(1)
        holders = self._holder_table(device)[:, :places]
        own = holders.unsqueeze(-1) == torch.arange(self.group, device=device)  # [R, L, g]
        spread = (allowed.unsqueeze(-1) & own.unsqueeze(1)).expand(self.rows, n_queries, places, self.group)
        return with_bias(spread.reshape(-1, 1, self.group * n_queries, places * self.group), dtype, plan.empty)

    def _holder_table(self, device: torch.device) -> Tensor:
        if self._holders is None:
            self._holders = (torch.arange(self.rows, device=device) % self.group).unsqueeze(1).repeat(1, self.capacity)
        return self._holders

    def reorder(self, rows: Tensor, groups: Tensor | None = None) -> None:
        """Row i becomes what row rows[i] was; rows may be left out or repeated.

        In groups, rows take over from rows of one group only: group i goes on with group groups[i] (None: with itself).
        """
        kept = rows if self.group == 1 else groups
        for layer in self.layers:
            if kept is not None:
                layer.own.select(kept)
            if groups is not None and layer.cross is not None:
                layer.cross.select(groups)
        if groups is not None and self.memory_segments is not None:
            self.memory_segments = self.memory_segments.index_select(0, groups)
        if self.group > 1:
            self._holders = self._holder_table(rows.device).index_select(0, rows)
            self._holders[:, self.length :] = (torch.arange(len(rows), device=rows.device) % self.group).unsqueeze(1)
        self._segments = None if self._segments is None else self._segments.index_select(0, rows)
        self._prefix = None if self._prefix is None else self._prefix.index_select(0, rows)
        self.rows = len(rows)

    def truncate(self, length: int) -> None:
        """Forgets everything from slot `length` on."""
        if length > self.length:
            raise ValueError(f"the cache holds {self.length} tokens, cannot be cut to {length}")
        self.length = length
        if self._holders is not None:
            self._holders[:, length:] = (torch.arange(self.rows, device=self._holders.device) % self.group).unsqueeze(1)
        for layer in self.layers:
            layer.own.used = length
