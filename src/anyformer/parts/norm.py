"""Normalisation of the last dimension. Shapes: x [..., D]. Statistics are taken in fp32 whatever x is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    """y = x / sqrt(mean(x^2) + eps) * weight (Zhang & Sennrich 2019); with `plus_one`, weight is stored minus one (Gemma).

    The product with the weight is taken in fp32, then rounded to the dtype of x; Llama's code rounds before it, which differs in bf16 only.
    """

    @spec
    class Config(Norm.Config):
        eps: float = 1e-6
        scale: bool = True
        plus_one: bool = False

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.plus_one and not self.scale:
                yield "plus_one", "says how the weight is stored, and without `scale` there is none; leave plus_one out, or set scale: true"

    def __init__(self, config: Config, dim: int):
        super().__init__()
        self.eps, self.plus_one = config.eps, config.plus_one
        self.weight = nn.Parameter(torch.zeros(dim) if config.plus_one else torch.ones(dim)) if config.scale else None

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight if self.weight is None or not self.plus_one else 1 + self.weight
        if x.device.type == "cpu" and torch.is_grad_enabled():
            return _RootMeanSquare.apply(x, weight, self.eps)
        return _rms(x, weight, self.eps)[0]


def _rms(x: Tensor, weight: Tensor | None, eps: float) -> tuple[Tensor, Tensor]:
    """(y, r) with r = 1 / sqrt(mean(x^2) + eps), [..., 1] fp32."""
    wide = x.float()
    r = torch.rsqrt(torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square() / x.shape[-1] + eps)
    normed = wide * r
    if weight is not None:
        normed = normed * weight if torch.is_grad_enabled() else normed.mul_(weight)
    return normed.to(x.dtype), r


class _RootMeanSquare(torch.autograd.Function):
    """On CPUs half the time of the same by single steps, and only x is kept for the way back.

    With n = r x and u = dy * weight: dx = r (u - n mean(u n)), dweight = sum over rows of dy * n.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, eps: float) -> Tensor:
        y, r = _rms(x, weight, eps)
        ctx.save_for_backward(x, r, weight)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, r, weight = ctx.saved_tensors
        normed, dy = x.float() * r, dy.float()
        shares = dy * normed
        dweight = shares.reshape(-1, x.shape[-1]).sum(0) if ctx.needs_input_grad[1] else None
        if not ctx.needs_input_grad[0]:
            return None, dweight, None
        mean = shares.mean(-1, keepdim=True) if weight is None else (shares @ weight).unsqueeze(-1) / x.shape[-1]
        dx = torch.addcmul(dy if weight is None else dy * weight, normed, mean, value=-1).mul_(r)
        return dx.to(x.dtype), dweight, None


def _beside(parameter: Tensor | None, x: Tensor) -> Tensor | None:
    """CPU kernels take fp32 scales beside a bf16 x; CUDA's want one dtype."""
    return parameter if parameter is None or x.device.type == "cpu" else parameter.to(x.dtype)
