"""One layer of a stack. Shapes: x [B, T, D]."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anyformer.parts.attention import Attention, MultiHeadAttention
from anyformer.parts.feed_forward import FeedForward
from anyformer.parts.kv_cache import LayerState
from anyformer.parts.lowering import Plan
from anyformer.parts.part import Part, PartConfig
from anyformer.parts.residual import Residual
from anyformer.spec import spec


class Plans(NamedTuple):
    """The lowered masks that one layer needs."""

    own: Plan
    cross: Plan | None


class Block(Part):
    """Slot: build(d_model)."""

    class Config(PartConfig):
        attention: Attention.Config
        cross_attention: Attention.Config | None
        feed_forward: FeedForward.Config
        residual: Residual.Config

        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            parts = {"attention": self.attention, "cross_attention": self.cross_attention, "feed_forward": self.feed_forward}
            return [(f"{name}.{field}", message) for name, part in parts.items() if part is not None for field, message in part.misfits(d_model)]

    def forward(self, x: Tensor, plans: Plans, memory: Tensor | None = None, state: LayerState | None = None) -> Tensor:
        raise NotImplementedError

    def new_state(self, rows: int, length: int, group: int, memory: Tensor | None, device: torch.device, dtype: torch.dtype) -> LayerState:
        raise NotImplementedError


class TransformerBlock(Block):
    """Attention, attention to a memory if there is one, feed-forward; each joins the stream in turn (Vaswani et al. 2017, figure 1)."""

    @spec
    class Config(Block.Config):
        attention: Attention.Config
        cross_attention: Attention.Config | None = None
        feed_forward: FeedForward.Config
        residual: Residual.Config

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.attention: MultiHeadAttention = config.attention.build(d_model)
        self.attention_residual: Residual = config.residual.build(d_model)
        self.cross_attention: MultiHeadAttention | None = None
        if config.cross_attention is not None:
            self.cross_attention = config.cross_attention.build(d_model)
            self.cross_attention_residual: Residual = config.residual.build(d_model)
        self.feed_forward: FeedForward = config.feed_forward.build(d_model)
        self.feed_forward_residual: Residual = config.residual.build(d_model)

    def forward(self, x: Tensor, plans: Plans, memory: Tensor | None = None, state: LayerState | None = None) -> Tensor:
        own, cross = (None, None) if state is None else state
        join = self.attention_residual
        x = join.leave(x, self.attention(join.enter(x), plans.own, state=own))
        if self.cross_attention is not None:
            assert plans.cross is not None
            join = self.cross_attention_residual
            x = join.leave(x, self.cross_attention(join.enter(x), plans.cross, memory=None if cross is not None else memory, state=cross))
        join = self.feed_forward_residual
        return join.leave(x, self.feed_forward(join.enter(x)))

    def new_state(self, rows: int, length: int, group: int, memory: Tensor | None, device: torch.device, dtype: torch.dtype) -> LayerState:
        cross = None if self.cross_attention is None or memory is None else self.cross_attention.remember(memory)
        return LayerState(self.attention.new_state(rows, length, group, device, dtype), cross)
