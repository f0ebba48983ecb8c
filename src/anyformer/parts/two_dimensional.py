"""Two positions a token (Du et al. 2022, GLM, section 2.2.1): where it stands in the corrupted text, and where inside its blank.

A token of the text is at (i, 0); the tokens that fill the blank at i are at (i, 1), (i, 2), ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anyformer.parts.position import InputPosition, within
from anyformer.spec import spec

if TYPE_CHECKING:
    from anyformer.parts.init import Init


class TwoDimensional(InputPosition):
    """The sum of two learned tables. Shapes: position [1|B, T, 2], or [1|B, T] where all tokens are of the text -> [1|B, T, D]."""

    @spec
    class Config(InputPosition.Config):
        length: int  # places in the text
        span_length: int | None = None  # places inside a blank, 0 for the text itself; None: length

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.length < 1:
                yield "length", f"a table needs at least one row, not {self.length}"
            if self.span_length is not None and self.span_length < 1:
                yield "span_length", f"a table needs at least one row, not {self.span_length}; null: as many as length"

    def __init__(self, config: Config, dim: int):
        super().__init__()
        self.length = config.length
        self.text = nn.Parameter(torch.zeros(config.length, dim))
        self.span = nn.Parameter(torch.zeros(config.length if config.span_length is None else config.span_length, dim))

    def initialize(self, init: Init) -> None:
        init.table(self.text)
        init.table(self.span)

    def forward(self, position: Tensor) -> Tensor:
        if position.dim() == 2:
            within(position, self.length)
            return F.embedding(position, self.text) + self.span[0]
        in_text, in_span = position.unbind(-1)
        within(in_text, self.length)
        within(in_span, len(self.span))
        return F.embedding(in_text, self.text) + F.embedding(in_span, self.span)
