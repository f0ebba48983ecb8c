"""A stack of blocks: an encoder where its masks look both ways, a decoder where they do not.

Shapes: x [B, T, D], memory [B, S, D].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from anyformer.batch import Padding
from anyformer.errors import ConfigError, Problem, join_path
from anyformer.parts.attention import Attention
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.auxiliary import Aux
from anyformer.parts.block import Block, Plans
from anyformer.parts.kv_cache import KVCache, LayerState, MemoryPlaces
from anyformer.parts.lowering import Facts, Plan
from anyformer.parts.norm import Norm
from anyformer.parts.part import Part, PartConfig
from anyformer.parts.place import Place
from anyformer.spec import spec

MOST_WRITTEN_OUT = 10_000  # layers of a pattern in a config


class Memory(NamedTuple):
    """What a decoder attends to: an encoder's output and where it is real."""

    hidden: Tensor  # [B, S, D]
    segments: Tensor | None  # [B, S], 0: padding
    padding: Padding
    packed: bool = False
    aux: tuple[Aux, ...] = ()  # of the encoder's layers with experts


class Stack(Part):
    """build(d_model). Layer i is `blocks[i % len(blocks)]`, after the layers of `first`."""

    @spec
    class Config(PartConfig):
        n_layers: int
        blocks: tuple[Block.Config, ...]
        first: tuple[Block.Config, ...] = ()
        final_norm: Norm.Config | None = None

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.n_layers < 1:
                yield "n_layers", f"a stack has at least one layer, not {self.n_layers}"
            if not self.blocks:
                yield "blocks", "a stack needs at least one block"

        def layers(self) -> list[Block.Config]:
            """The config of each layer."""
            rest = self.n_layers - len(self.first)
            return [*self.first[: self.n_layers], *(self.blocks[i % len(self.blocks)] for i in range(rest))]

        def override_child(self, name: str, rest: list[str], value: Any, path: str) -> Stack.Config | None:
            """`layers.3...` changes one layer: the pattern is written out first.

            Raises:
                ConfigError: there are more layers than a config is written out for.
            """
            if name != "layers":
                return None
            if self.n_layers > MOST_WRITTEN_OUT:
                way = f"give the block a place in {join_path(path, 'first')} or {join_path(path, 'blocks')}, which are a pattern"
                told = f"one layer alone is changed by writing all of them out, at most {MOST_WRITTEN_OUT:,}, and these are {self.n_layers:,}; {way}"
                raise ConfigError(Problem(join_path(path, ".".join([name, *rest])), told))
            unrolled = dataclasses.replace(self, first=(), blocks=tuple(self.layers()))
            try:
                return unrolled.override(".".join(["blocks", *rest]), value)
            except ConfigError as error:
                raise ConfigError(*(Problem(p.path.replace("blocks", name, 1), p.message).under(path) for p in error.problems)) from None

        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            groups = {"first": self.first, "blocks": self.blocks}
            return [(f"{name}.{i}.{field}", m) for name, group in groups.items() for i, block in enumerate(group) for field, m in block.misfits(d_model)]

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.config = config
        blocks = config.layers()
        self.layers = nn.ModuleList(block.build(d_model) for block in blocks)
        self.final_norm = None if config.final_norm is None else config.final_norm.build(d_model)
        shared = [_shared_position(block, d_model) for block in blocks]
        distinct = list(dict.fromkeys(s for s in shared if s is not None))
        self.positions = nn.ModuleList(position.build(d_model, *heads) for position, heads in distinct)
        self._position_of = [None if s is None else distinct.index(s) for s in shared]

    def forward(
        self, x: Tensor, place: Place, padding: Padding, packed: bool, memory: Memory | None = None, cache: KVCache | None = None
    ) -> tuple[Tensor, list[Aux]]:
        """x [B, T, D] standing at `place`, with `cache` after everything that is in it: [B, T, D], and what the experts have to say."""
        keys = place if cache is None else cache.extend(place, padding)
        own = Facts(place, keys, padding if cache is None else cache.padding, packed, x.dtype)
        source = None if memory is None else Facts(place, _memory_place(memory, x.device), memory.padding, packed, x.dtype, cross=True)
        plan = _Planner(None if cache is None else lambda made: cache.spread(made, x.shape[1], x.dtype))
        states: list[LayerState | None] = [None] * len(self.layers) if cache is None else list(cache.layers)
        told: list[Aux] = []
        for layer, at, state in zip(self.layers, self._position_of, states, strict=True):
            attention, crossing = layer.attention, layer.cross_attention  # type: ignore[union-attr]
            position = attention.position if at is None else self.positions[at]  # type: ignore[union-attr]
            cross = None if crossing is None or source is None else plan(crossing, None, source, True)  # type: ignore[arg-type]
            plans = Plans(plan(attention, position, own, False), cross)  # type: ignore[arg-type]
            x, aux = layer(x, place, plans, None if memory is None else memory.hidden, state)
            if aux is not None:
                told.append(aux)
        return (x if self.final_norm is None else self.final_norm(x)), told

    def new_cache(self, rows: int, length: int, group: int, memory: Memory | None, device: torch.device, dtype: torch.dtype) -> KVCache:
        """Room for `length` tokens of `rows` rows; rows in groups of `group` share a row of `memory`, and their past where all layers can."""
        hidden = None if memory is None else memory.hidden
        if not all(layer.attention.shares_keys for layer in self.layers):  # type: ignore[union-attr]
            group = 1
        states = [layer.new_state(rows, length, group, hidden, device, dtype) for layer in self.layers]  # type: ignore[operator]
        places = None if memory is None else MemoryPlaces(memory.hidden.shape[0], memory.hidden.shape[1], memory.segments, memory.padding)
        return KVCache(states, rows, length, group, device, places)


class _Planner:
    """Makes each distinct plan of a forward once. Layers with equal mask, mechanism and (the same) position share it."""

    def __init__(self, spread: Callable[[Plan], Plan] | None):
        self._spread = spread
        self._made: dict[Any, Plan] = {}

    def __call__(self, attention: Attention, position: AttentionPosition | None, facts: Facts, cross: bool) -> Plan:
        key = attention.mask, type(attention.mechanism), None if position is None else id(position), cross
        if key not in self._made:
            plan = attention.lower(position, facts)
            self._made[key] = plan if cross or self._spread is None else self._spread(plan)
        return self._made[key]


def _shared_position(block: Block.Config, d_model: int) -> tuple[AttentionPosition.Config, tuple[int, int]] | None:
    position = block.attention.position
    return None if position is None or position.per == "layer" else (position, block.attention.heads(d_model))


def _memory_place(memory: Memory, device: torch.device) -> Place:
    index = torch.arange(memory.hidden.shape[1], device=device)
    return Place(index, index.unsqueeze(0), memory.segments)
