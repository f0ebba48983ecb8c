"""One layer of a stack. Shapes: x [B, T, D]."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anyformer.parts.attention import Attention
from anyformer.parts.auxiliary import Aux
from anyformer.parts.dropout import Dropout
from anyformer.parts.feed_forward import FeedForward
from anyformer.parts.kv_cache import LayerState
from anyformer.parts.lowering import Plan
from anyformer.parts.norm import Norm
from anyformer.parts.part import Part, PartConfig
from anyformer.parts.place import Place
from anyformer.parts.residual import Residual
from anyformer.spec import spec


class Plans(NamedTuple):
    """What one layer's attentions need for this forward."""

    own: Plan
    cross: Plan | None


class Block(Part):
    """Slot: build(d_model)."""

    attention: Attention
    cross_attention: Attention | None
    feed_forward: FeedForward

    class Config(PartConfig):
        attention: Attention.Config
        cross_attention: Attention.Config | None
        feed_forward: FeedForward.Config

        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            parts = {"attention": self.attention, "cross_attention": self.cross_attention, "feed_forward": self.feed_forward}
            found = [(f"{name}.{field}", message) for name, part in parts.items() if part is not None for field, message in part.misfits(d_model)]
            if self.cross_attention is not None:
                mechanism, mask = self.cross_attention.mechanism, self.cross_attention.mask
                found += [(f"cross_attention.{field}", message) for field, message in mechanism.misfits_across(mask)]
            if self.cross_attention is not None and self.cross_attention.position is not None:
                found.append(("cross_attention.position", "queries and memory are counted apart, so distances between them mean nothing; leave it null"))
            return found

    def forward(self, x: Tensor, place: Place, plans: Plans, memory: Tensor | None = None, state: LayerState | None = None) -> tuple[Tensor, Aux | None]:
        """The stream after this layer, and what its experts have to say."""
        raise NotImplementedError

    def new_state(self, rows: int, length: int, group: int, memory: Tensor | None, device: torch.device, dtype: torch.dtype) -> LayerState:
        cross = None if self.cross_attention is None or memory is None else self.cross_attention.remember(memory)
        return LayerState(self.attention.new_state(rows, length, group, device, dtype), cross)


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
        self.init_gain = config.residual.init_gain
        self.attention = config.attention.build(d_model)
        self.attention_residual: Residual = config.residual.build(d_model)
        self.cross_attention = None
        if config.cross_attention is not None:
            self.cross_attention = config.cross_attention.build(d_model)
            self.cross_attention_residual: Residual = config.residual.build(d_model)
        self.feed_forward = config.feed_forward.build(d_model)
        self.feed_forward_residual: Residual = config.residual.build(d_model)

    def forward(self, x: Tensor, place: Place, plans: Plans, memory: Tensor | None = None, state: LayerState | None = None) -> tuple[Tensor, Aux | None]:
        own, cross = (None, None) if state is None else state
        join = self.attention_residual
        x, y = join.enter(x)
        x = join.leave(x, self.attention(y, plans.own, state=own))
        if self.cross_attention is not None:
            assert plans.cross is not None
            join = self.cross_attention_residual
            x, y = join.enter(x)
            x = join.leave(x, self.cross_attention(y, plans.cross, memory=None if cross is not None else memory, state=cross))
        join = self.feed_forward_residual
        x, y = join.enter(x)
        y, aux = self.feed_forward(y, place)
        return join.leave(x, y), aux


class ParallelBlock(Block):
    """x + dropout(attention(norm(x)) + feed_forward(norm(x))): one norm for both (GPT-J, PaLM; Wang & Komatsuzaki 2021) or two (GPT-NeoX)."""

    @spec
    class Config(Block.Config):
        attention: Attention.Config
        feed_forward: FeedForward.Config
        norm: Norm.Config
        feed_forward_norm: Norm.Config | None = None  # None: the attention's
        dropout: float = 0.0

        @property
        def cross_attention(self) -> None:  # type: ignore[override]
            """A parallel block reads no memory."""
            return None

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.norm: Norm = config.norm.build(d_model)
        self.attention = config.attention.build(d_model)
        self.cross_attention = None
        self.feed_forward_norm: Norm | None = None if config.feed_forward_norm is None else config.feed_forward_norm.build(d_model)
        self.feed_forward = config.feed_forward.build(d_model)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, place: Place, plans: Plans, memory: Tensor | None = None, state: LayerState | None = None) -> tuple[Tensor, Aux | None]:
        y = self.norm(x)
        attended = self.attention(y, plans.own, state=None if state is None else state.own)
        fed, aux = self.feed_forward(y if self.feed_forward_norm is None else self.feed_forward_norm(x), place)
        return self.dropout.add(x, attended + fed), aux
