"""From hidden states to scores. Shapes: hidden [..., D] -> logits [..., V]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from anyformer.parts.activation import Activation, Identity
from anyformer.parts.linear import Linear, apply_linear
from anyformer.parts.norm import Norm
from anyformer.parts.part import Part, PartConfig
from anyformer.spec import spec


class Head(Part):
    """Slot: build(d_model, vocab_size, table)."""

    class Config(PartConfig):
        pass


class Transform(Part):
    """norm(act(hidden W + b)), to the width of the table: BERT's masked-language head, OPT-350M's way back; build(d_model, dim)."""

    @spec
    class Config(PartConfig):
        activation: Activation = Identity()
        norm: Norm.Config | None = None
        bias: bool = True

    def __init__(self, config: Config, d_model: int, dim: int):
        super().__init__()
        self.linear = Linear(d_model, dim, config.bias)
        self.activation = config.activation
        self.norm: Norm | None = None if config.norm is None else config.norm.build(dim)

    def forward(self, hidden: Tensor) -> Tensor:
        x = self.activation(self.linear(hidden))
        return x if self.norm is None else self.norm(x)


class VocabularyHead(Head):
    """logits = cap(scale * transform(hidden) W^T + b); W is the embedding's table where `tied` (Press & Wolf 2017).

    cap(x) = c tanh(x / c) (Gemma 2, section 2).
    """

    @spec
    class Config(Head.Config):
        tied: bool = True
        bias: bool = False
        scale: float = 1.0
        transform: Transform.Config | None = None
        softcap: float | None = None

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.softcap is not None and self.softcap <= 0:
                yield "softcap", f"logits are capped at a positive number, not {self.softcap}; null: not at all"

    def __init__(self, config: Config, d_model: int, vocab_size: int, table: nn.Parameter):
        super().__init__()
        dim = table.shape[1] if config.tied or config.transform is not None else d_model
        self.transform: Transform | None = None if config.transform is None else config.transform.build(d_model, dim)
        self.weight = table if config.tied else nn.Parameter(torch.empty(vocab_size, dim))
        self.bias = nn.Parameter(torch.zeros(vocab_size)) if config.bias else None
        self.scale, self.softcap = config.scale, config.softcap

    def forward(self, hidden: Tensor, then: Callable[..., Any] | None = None) -> Any:
        """The logits; or `then(hidden, weight, bias, softcap)`, which never needs to hold all of them (a chunked loss)."""
        hidden = hidden if self.transform is None else self.transform(hidden)
        hidden = hidden * self.scale if self.scale != 1 else hidden
        if then is not None:
            return then(hidden, self.weight, self.bias, self.softcap)
        logits = apply_linear(hidden, self.weight, self.bias)
        return logits if self.softcap is None else capped(logits, self.softcap)


def capped(logits: Tensor, cap: float) -> Tensor:
    """cap * tanh(logits / cap)"""
    return cap * torch.tanh(logits / cap)


class Pooler(Part):
    """tanh(W first + b) of a row's first token (Devlin et al. 2019): what sentence classifiers read; build(d_model)."""

    @spec
    class Config(PartConfig):
        pass

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.linear = Linear(d_model, d_model)

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden [B, T, D] -> [B, D]"""
        return torch.tanh(self.linear(hidden[:, 0]))
