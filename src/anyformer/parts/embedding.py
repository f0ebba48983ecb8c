"""From token ids to vectors. Shapes: tokens [B, T] -> [B, T, D]."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anyformer.parts.dropout import Dropout
from anyformer.parts.norm import Norm
from anyformer.parts.part import Part, PartConfig
from anyformer.parts.position import InputPosition
from anyformer.spec import spec


class Embedding(Part):
    """dropout(norm(scale * table[tokens] + position)); build(d_model, vocab_size)."""

    @spec
    class Config(PartConfig):
        vocab_size: int | None = None  # None: the model's; an encoder's embedding with its own has its own table
        scale_by_sqrt_dim: bool = False  # multiply the table's rows by sqrt(D) (Vaswani et al. 2017, section 3.4)
        position: InputPosition.Config | None = None
        norm: Norm.Config | None = None
        dropout: float = 0.0

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.vocab_size is not None and self.vocab_size < 1:
                yield "vocab_size", f"a vocabulary has at least one entry, not {self.vocab_size}"
            if not 0 <= self.dropout < 1:
                yield "dropout", f"a dropout rate lies in [0, 1), not {self.dropout}"

    def __init__(self, config: Config, d_model: int, vocab_size: int, table: nn.Parameter | None = None):
        """`table` [vocab_size, d_model]: another embedding's, to be shared."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.vocab_size or vocab_size, d_model)) if table is None else table
        self.scale = math.sqrt(d_model) if config.scale_by_sqrt_dim else 1.0
        self.position = None if config.position is None else config.position.build(d_model)
        self.norm = None if config.norm is None else config.norm.build(d_model)
        self.dropout = Dropout(config.dropout)

    def forward(self, tokens: Tensor, position: Tensor, dtype: torch.dtype) -> Tensor:
        x = F.embedding(tokens, self.weight)
        if self.position is not None:
            x = torch.add(self.position(position), x, alpha=self.scale)
        elif self.scale != 1:
            x = x * self.scale
        x = x.to(dtype)
        return self.dropout(x if self.norm is None else self.norm(x))
