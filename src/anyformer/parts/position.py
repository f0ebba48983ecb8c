"""Positions that are added to the embedding. Shapes: position [1|B, T] -> [1|B, T, D].

`Sinusoidal` is computed from its config at every call, so a model has no table that could be too short.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anyformer.errors import InputError, Problem
from anyformer.parts.part import Part, PartConfig
from anyformer.spec import spec


class InputPosition(Part):
    """Slot: build(dim)."""

    class Config(PartConfig):
        pass


def in_text(position: Tensor) -> Tensor:
    """How far along its text a token stands: of the two positions of GLM's tokens [1|B, T, 2] the first, else the position itself."""
    return position[..., 0] if position.dim() == 3 else position


def within(position: Tensor, length: int) -> None:
    """Refuses positions that a table of `length` rows has not. On a CPU only: elsewhere, looking would make the host wait for the device.

    Raises:
        InputError: names the highest position.
    """
    if position.device.type != "cpu" or torch.compiler.is_compiling() or not position.numel():
        return
    low, high = position.aminmax()
    if low < 0 or high >= length:
        wrong = int(high) if high >= length else int(low)
        way = "give shorter texts, or lengthen the table (embedding.position.length; `anyformer convert --positions` for a trained model)"
        raise InputError(Problem("positions", f"position {wrong:,} is outside the model's table of {length:,} positions, 0 to {length - 1:,}; {way}"))


class Sinusoidal(InputPosition):
    """sin and cos of position * base^(-2i/D) (Vaswani et al. 2017, section 3.5).

    layout "interleaved": sin at even, cos at odd features, as in the paper; "halves": all sin, then all cos (Marian,
    tensor2tensor). spacing "paper": exponents 2i/D; "tensor2tensor": i/(D/2 - 1), which ends at exactly 1/base.
    """

    @spec
    class Config(InputPosition.Config):
        base: float = 10000.0
        layout: Literal["interleaved", "halves"] = "interleaved"
        spacing: Literal["paper", "tensor2tensor"] = "paper"
        offset: int = 0  # added to every position

    def __init__(self, config: Config, dim: int):
        super().__init__()
        self.config, self.dim = config, dim

    def forward(self, position: Tensor) -> Tensor:
        half = (self.dim + 1) // 2
        step = torch.arange(half, device=position.device, dtype=torch.float32)
        exponent = step / (half if self.config.spacing == "paper" else max(half - 1, 1))
        if self.config.spacing == "paper":
            exponent = 2 * step / self.dim
        angle = (in_text(position) + self.config.offset).unsqueeze(-1) * torch.exp(-math.log(self.config.base) * exponent)
        sin, cos = angle.sin(), angle.cos()
        if self.config.layout == "halves":
            return torch.cat([sin, cos[..., : self.dim - half]], dim=-1)
        return torch.stack([sin, cos], dim=-1).flatten(-2)[..., : self.dim]


class Learned(InputPosition):
    """A table of `length` rows (Gehring et al. 2017); row `offset` is position 0 (OPT, BART: 2)."""

    @spec
    class Config(InputPosition.Config):
        length: int
        offset: int = 0

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.length < 1:
                yield "length", f"a table needs at least one row, not {self.length}"

    def __init__(self, config: Config, dim: int):
        super().__init__()
        self.length, self.offset = config.length, config.offset
        self.weight = nn.Parameter(torch.empty(config.length + config.offset, dim))

    def forward(self, position: Tensor) -> Tensor:
        at = in_text(position)
        within(at, self.length)
        return F.embedding(at + self.offset, self.weight)
