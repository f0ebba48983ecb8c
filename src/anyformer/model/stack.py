"""A stack of blocks: an encoder where its masks look both ways, a decoder where they do not.

Shapes: x [B, T, D], memory [B, S, D].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from anyformer.batch import Padding
from anyformer.parts.block import Block, Plans
from anyformer.parts.kv_cache import KVCache, LayerState
from anyformer.parts.lowering import Plan, lower
from anyformer.parts.mask import Mask
from anyformer.parts.norm import Norm
from anyformer.parts.part import Part, PartConfig
from anyformer.parts.place import Place
from anyformer.spec import spec


class Memory(NamedTuple):
    """What a decoder attends to: an encoder's output and where it is real."""

    hidden: Tensor  # [B, S, D]
    segments: Tensor | None  # [B, S], 0: padding
    padding: Padding
    packed: bool = False


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
            """`layers.3...` changes one layer: the pattern is written out first."""
            if name != "layers":
                return None
            unrolled = dataclasses.replace(self, first=(), blocks=tuple(self.layers()))
            return unrolled.override(".".join(["blocks", *rest]), value)

        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            groups = {"first": self.first, "blocks": self.blocks}
            return [(f"{name}.{i}.{field}", m) for name, group in groups.items() for i, block in enumerate(group) for field, m in block.misfits(d_model)]

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(block.build(d_model) for block in config.layers())
        self.final_norm = None if config.final_norm is None else config.final_norm.build(d_model)

    def forward(self, x: Tensor, place: Place, padding: Padding, packed: bool, memory: Memory | None = None, cache: KVCache | None = None) -> Tensor:
        """x [B, T, D] standing at `place`; with `cache`, after everything that is in it."""
        keys = place if cache is None else cache.extend(place, padding)
        padding = padding if cache is None else cache.padding
        source = None if memory is None else _memory_place(memory, x.device)
        plans: dict[tuple[Mask, bool], Plan] = {}

        def plan(mask: Mask, cross: bool) -> Plan:
            if (mask, cross) not in plans:
                if cross:
                    assert source is not None and memory is not None
                    plans[mask, cross] = lower(mask, place, source, memory.padding, packed, x.dtype)
                else:
                    own = lower(mask, place, keys, padding, packed, x.dtype)
                    plans[mask, cross] = own if cache is None else cache.spread(own, x.shape[1], x.dtype)
            return plans[mask, cross]

        states: list[LayerState | None] = [None] * len(self.layers) if cache is None else list(cache.layers)
        for block, layer, state in zip(self.config.layers(), self.layers, states, strict=True):
            cross = None if block.cross_attention is None or source is None else plan(block.cross_attention.mask, True)
            x = layer(x, Plans(plan(block.attention.mask, False), cross), None if memory is None else memory.hidden, state)
        return x if self.final_norm is None else self.final_norm(x)

    def new_cache(self, rows: int, length: int, group: int, memory: Memory | None, device: torch.device, dtype: torch.dtype) -> KVCache:
        hidden = None if memory is None else memory.hidden
        states = [layer.new_state(rows, length, group, hidden, device, dtype) for layer in self.layers]  # type: ignore[operator]
        return KVCache(states, rows, length, group, None if memory is None else memory.segments, "none" if memory is None else memory.padding)


def _memory_place(memory: Memory, device: torch.device) -> Place:
    index = torch.arange(memory.hidden.shape[1], device=device)
    return Place(index, index.unsqueeze(0), memory.segments)
