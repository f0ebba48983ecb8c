"""Normalisation of the last dimension. Shapes: x [..., D]. Statistics are taken in fp32 whatever x is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anyformer.parts.part import Part, PartConfig
from anyformer.spec import spec


class Norm(Part):
    """Slot: build(dim)."""

    class Config(PartConfig):
        pass


class LayerNorm(Norm):
    """y = (x - mean) / sqrt(var + eps) * weight + bias (Ba et al. 2016)."""

    @spec
    class Config(Norm.Config):
        eps: float = 1e-5
        scale: bool = True
        bias: bool = True

    def __init__(self, config: Config, dim: int):
        super().__init__()
        self.dim, self.eps = dim, config.eps
        self.weight = nn.Parameter(torch.ones(dim)) if config.scale else None
        self.bias = nn.Parameter(torch.zeros(dim)) if config.bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, (self.dim,), _beside(self.weight, x), _beside(self.bias, x), self.eps)


class RMSNorm(Norm):
    """y = x / sqrt(mean(x^2) + eps) * weight (Zhang & Sennrich 2019); with `plus_one`, weight is stored minus one (Gemma)."""

    @spec
    class Config(Norm.Config):
        eps: float = 1e-6
        plus_one: bool = False

    def __init__(self, config: Config, dim: int):
        super().__init__()
        self.eps, self.plus_one = config.eps, config.plus_one
        self.weight = nn.Parameter(torch.zeros(dim) if config.plus_one else torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        normed = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return (normed * (1 + self.weight if self.plus_one else self.weight)).to(x.dtype)


def _beside(parameter: Tensor | None, x: Tensor) -> Tensor | None:
    """CPU kernels take fp32 scales beside a bf16 x; CUDA's want one dtype."""
    return parameter if parameter is None or x.device.type == "cpu" else parameter.to(x.dtype)
