"""From token ids to vectors. Shapes: tokens [B, T] -> [B, T, D]."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anyformer.parts.dropout import Dropout
from anyformer.parts.linear import Linear
from anyformer.parts.norm import Norm
from anyformer.parts.part import Part, PartConfig
from anyformer.parts.place import Counting
from anyformer.parts.position import InputPosition
from anyformer.spec import Spec, spec


@spec
class Narrow(Spec):
    """A table narrower than the model, and the map that widens it: before positions are added (OPT-350M), or after all (ELECTRA, RoFormer)."""

    dim: int
    widen: Literal["tokens", "sum"] = "tokens"
    bias: bool = False

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.dim < 1:
            yield "dim", f"a table is at least 1 wide, not {self.dim}"


class Embedding(Part):
    """dropout(norm(scale * table[tokens] + position + type)); build(d_model, vocab_size)."""

    @spec
    class Config(PartConfig):
        vocab_size: int | None = None  # None: the model's; an encoder's embedding with its own has its own table
        narrow: Narrow | None = None
        scale_by_sqrt_dim: bool = False  # multiply the table's rows by sqrt(D) (Vaswani et al. 2017, section 3.4)
        position: InputPosition.Config | None = None
        padding: Counting = "counted"  # whether padding takes a position where none are given
        token_types: int = 0  # kinds of tokens with a vector of their own (BERT's sentences A and B)
        norm: Norm.Config | None = None
        dropout: float = 0.0

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.vocab_size is not None and self.vocab_size < 1:
                yield "vocab_size", f"a vocabulary has at least one entry, not {self.vocab_size}"
            if self.token_types < 0:
                yield "token_types", f"a number of kinds is 0 or more, not {self.token_types}"
            if not 0 <= self.dropout < 1:
                yield "dropout", f"a dropout rate lies in [0, 1), not {self.dropout}"

    def __init__(self, config: Config, d_model: int, vocab_size: int, table: nn.Parameter | None = None):
        """`table` [vocab_size, D or narrower]: another embedding's, to be shared."""
        super().__init__()
        narrow = config.narrow
        dim = d_model if narrow is None else narrow.dim
        inner = dim if narrow is not None and narrow.widen == "sum" else d_model  # the width at which positions and types are added
        self.weight = nn.Parameter(torch.empty(config.vocab_size or vocab_size, dim)) if table is None else table
        self.widen = None if narrow is None else Linear(dim, d_model, narrow.bias)
        self.widen_first = narrow is not None and narrow.widen == "tokens"
        self.scale = math.sqrt(d_model) if config.scale_by_sqrt_dim else 1.0
        self.position = None if config.position is None else config.position.build(inner)
        self.padding = config.padding
        self.types = nn.Parameter(torch.empty(config.token_types, inner)) if config.token_types else None
        self.norm = None if config.norm is None else config.norm.build(inner)
        self.dropout = Dropout(config.dropout)

    def forward(self, tokens: Tensor, position: Tensor, dtype: torch.dtype, types: Tensor | None = None) -> Tensor:
        x = F.embedding(tokens, self.weight)
        if self.widen is not None and self.widen_first:
            x = self.widen(x)
        if self.position is not None:
            x = torch.add(self.position(position), x, alpha=self.scale)
        elif self.scale != 1:
            x = x * self.scale
        if self.types is not None:
            x = x + (self.types[0] if types is None or len(self.types) == 1 else F.embedding(types, self.types))  # one kind (RoBERTa) tells nothing apart
        x = x.to(dtype)
        x = self.dropout(x if self.norm is None else self.norm(x))
        return x if self.widen is None or self.widen_first else self.widen(x)
