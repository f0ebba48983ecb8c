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
from anyformer.parts.lowering import Plan, dense, with_bias
from anyformer.parts.place import Place


class State:
    """What one attention layer remembers, a row for each row (or group of rows) that is decoded."""

    used: int  # places that are remembered

    @property
    def rows(self) -> int:
        raise NotImplementedError

    def select(self, rows: Tensor) -> None:
        """Row i becomes what row rows[i] was."""
        raise NotImplementedError

    def check_cut(self, length: int) -> None:
        """Raises ValueError where `truncate(length)` would; changes nothing."""

    def truncate(self, length: int) -> None:
        """Forgets everything from place `length` on."""
        raise NotImplementedError


class Keys(State):
    """Keys and values of one attention layer, [M, K, L * g, H], in slots that are filled from the left."""

    def __init__(self, k: Tensor, v: Tensor, group: int = 1, used: int = 0):
        self.k, self.v, self.group, self.used = k, v, group, used

    @property
    def rows(self) -> int:
        return self.k.shape[0]

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Adds [M, K, g * T, H], a group's rows one after the other, behind what is there; returns everything up to now."""
        begin, end = self.used * self.group, self.used * self.group + k.shape[2]
        for held, new in ((self.k, k), (self.v, v)):
            held[:, :, begin:end] = new if self.group == 1 else new.unflatten(2, (self.group, -1)).transpose(2, 3).flatten(2, 3)
        self.used = end // self.group
        return self.k[:, :, :end], self.v[:, :, :end]

    def select(self, rows: Tensor) -> None:
        """Only filled slots are copied."""
        end = self.used * self.group
        self.k, self.v = _rows(self.k, rows, end), _rows(self.v, rows, end)

    def truncate(self, length: int) -> None:
        self.used = length


class FixedKeys(Keys):
    """Keys of a memory: read by every step, never appended to."""


def _rows(held: Tensor, rows: Tensor, end: int) -> Tensor:
    chosen = held.new_empty(len(rows), *held.shape[1:])
    chosen[:, :, :end] = held[:, :, :end].index_select(0, rows)
    return chosen


class LayerState(NamedTuple):
    """What one layer remembers of itself and, in a decoder over a memory, of that."""

    own: State
    cross: State | None


class MemoryPlaces(NamedTuple):
    """Where the memory is real, whose keys the layers remember."""

    rows: int  # M
    length: int  # S
    segments: Tensor | None  # [M, S], 0: padding
    padding: Padding

    def of(self, rows: Tensor) -> MemoryPlaces:
        return self._replace(rows=len(rows), segments=None if self.segments is None else self.segments.index_select(0, rows))


class KVCache:
    """The states of all layers and one ledger of where the remembered tokens stand.

    `model(batch, cache=cache)` appends the batch's tokens; `reorder` and `truncate` change what was appended.
    """

    def __init__(self, layers: list[LayerState], rows: int, capacity: int, group: int, device: torch.device, memory: MemoryPlaces | None = None):
        self.layers = layers
        self.rows, self.capacity, self.group, self.device = rows, capacity, group, device
        self.length = 0
        self.memory = memory
        self._positions: Tensor | None = None  # [1|R, L] or [1|R, L, 2]; only where they are not the indices
        self._segments: Tensor | None = None  # [R, L]; only where something is padded
        self._prefix: Tensor | None = None
        self._holders: Tensor | None = None  # [R, L]: which row of its group wrote what this row has at a place
        self.padding: Padding = "none"

    def real_before(self) -> Tensor | None:
        """How many tokens of each row are remembered that are not padding, [R]; None: all."""
        return None if self._segments is None else (self._segments[:, : self.length] != 0).sum(1)

    def extend(self, q: Place, padding: Padding) -> Place:
        """Enters the places of new tokens [R, T]; returns the places of all remembered tokens, the new ones included."""
        end = self.length + q.index.shape[0]
        if end > self.capacity:
            raise ValueError(f"the cache holds {self.capacity} tokens, {end} are asked for")
        if q.segment is not None and padding != "none":
            self.padding = "any"
        self._segments = self._enter(self._segments, q.segment, end, 1)
        self._prefix = self._enter(self._prefix, q.prefix, end, 0)
        position = self._enter_positions(q, end)
        self.length = end
        index = torch.arange(end, device=q.index.device)
        segment = None if self._segments is None else self._segments[:, :end]
        prefix = None if self._prefix is None else self._prefix[:, :end].bool()
        return Place(index, index.unsqueeze(0) if position is None else position, segment, prefix)

    def _enter_positions(self, q: Place, end: int) -> Tensor | None:
        """Positions of all places up to `end`; None where they are the indices."""
        plain = q.position.dim() == 2 and q.position.shape[0] == 1 and q.position.data_ptr() == q.index.data_ptr()
        if self._positions is None:
            if plain:
                return None
            counted = torch.arange(self.capacity, device=q.index.device)
            held = counted.expand(q.position.shape[0], -1) if q.position.dim() == 2 else counted[None, :, None].expand(q.position.shape[0], -1, 2)
            self._positions = held.clone()
        if self._positions.shape[0] < q.position.shape[0]:
            self._positions = self._positions.repeat(q.position.shape[0], *[1] * (self._positions.dim() - 1))
        self._positions[:, self.length : end] = q.position
        return self._positions[:, :end]

    def _enter(self, held: Tensor | None, new: Tensor | None, end: int, default: int) -> Tensor | None:
        if held is None and new is None:
            return None
        if held is None and new is not None:
            held = torch.full((self.rows, self.capacity), default, dtype=torch.int64, device=new.device)
        assert held is not None
        held[:, self.length : end] = default if new is None else new.long()
        return held

    def spread(self, plan: Plan, n_queries: int, dtype: torch.dtype) -> Plan:
        """A plan over places [.., T, L], for the shared stores of the groups: [M, 1|N, g * T, L * g], each row only its own past."""
        if self.group == 1:
            return plan
        plan = dense(plan)
        places, device, group = self.length, self.device, self.group
        allowed = torch.ones(1, n_queries, places, dtype=torch.bool, device=device)
        if plan.causal:
            allowed = allowed.tril()
        elif plan.allowed is not None:
            allowed = plan.allowed.squeeze(1)
        holders = self._holder_table(device)[:, :places]
        own = holders.unsqueeze(-1) == torch.arange(group, device=device)  # [R, L, g]
        spread = (allowed.unsqueeze(-1) & own.unsqueeze(1)).expand(self.rows, n_queries, places, group)
        spread = spread.reshape(-1, 1, group * n_queries, places * group)
        made = with_bias(spread, dtype, plan.empty)
        if plan.position is None:
            return made
        tables = None if plan.tables is None else tuple(self._spread_rows(t) for t in plan.tables)
        if plan.bias is not None and plan.bias.shape[1] > 1:  # [1|R, N, T, L] of the position
            heads = plan.bias.expand(self.rows, -1, n_queries, -1).unflatten(0, (-1, group)).transpose(1, 2).flatten(2, 3)  # [M, N, g * T, L]
            assert made.bias is not None
            made = made._replace(bias=heads.repeat_interleave(group, dim=-1).masked_fill(~spread, torch.finfo(dtype).min))
        return made._replace(position=plan.position, tables=tables)

    def _spread_rows(self, table: Tensor) -> Tensor:
        """[1|R, T, ..] -> [1|M, g * T, ..]: the rows of a group one after the other."""
        if table.shape[0] == 1:
            return table if table.shape[1] == 1 else table.repeat(1, self.group, *[1] * (table.dim() - 2))
        return table.unflatten(0, (-1, self.group)).flatten(1, 2)

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
        if groups is not None and self.memory is not None:
            self.memory = self.memory.of(groups)
        if self.group > 1:
            self._holders = self._holder_table(rows.device).index_select(0, rows)
            self._holders[:, self.length :] = (torch.arange(len(rows), device=rows.device) % self.group).unsqueeze(1)
        self._segments = None if self._segments is None else self._segments.index_select(0, rows)
        self._prefix = None if self._prefix is None else self._prefix.index_select(0, rows)
        if self._positions is not None and self._positions.shape[0] == self.rows > 1:
            self._positions = self._positions.index_select(0, rows)
        self.rows = len(rows)

    def truncate(self, length: int) -> None:
        """Forgets everything from slot `length` on.

        Raises:
            ValueError: it holds fewer tokens, or a layer cannot forget only some of them; all layers are then as they were.
        """
        if not 0 <= length <= self.length:
            raise ValueError(f"the cache holds {self.length} tokens, cannot be cut to {length}")
        for layer in self.layers:
            layer.own.check_cut(length)
        self.length = length
        if self._holders is not None:
            self._holders[:, length:] = (torch.arange(self.rows, device=self._holders.device) % self.group).unsqueeze(1)
        for layer in self.layers:
            layer.own.truncate(length)
