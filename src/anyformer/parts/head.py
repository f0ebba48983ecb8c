"""From hidden states to scores. Shapes: hidden [..., D] -> logits [..., V]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from anyformer.parts.linear import apply_linear
from anyformer.parts.part import Part, PartConfig
from anyformer.spec import spec


class Head(Part):
    """Slot: build(d_model, vocab_size, table)."""

    class Config(PartConfig):
        pass


class VocabularyHead(Head):
    """logits = scale * hidden W^T + b; W is the embedding's table where `tied` (Press & Wolf 2017)."""

    @spec
    class Config(Head.Config):
        tied: bool = True
        bias: bool = False
        scale: float = 1.0

    def __init__(self, config: Config, d_model: int, vocab_size: int, table: nn.Parameter):
        super().__init__()
        self.weight = table if config.tied else nn.Parameter(torch.empty(vocab_size, d_model))
        self.bias = nn.Parameter(torch.zeros(vocab_size)) if config.bias else None
        self.scale = config.scale

    def forward(self, hidden: Tensor, then: Callable[..., Any] | None = None) -> Any:
        """The logits; or `then(hidden, weight, bias)`, which never needs to hold all of them (a chunked loss)."""
        hidden = hidden * self.scale if self.scale != 1 else hidden
        return (then or apply_linear)(hidden, self.weight, self.bias)
