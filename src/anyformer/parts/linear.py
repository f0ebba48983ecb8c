"""The linear map of all parts: fp32 parameters, computed in the dtype of its input.

Parts never touch `.weight` themselves, so that what stands behind it can change (low rank, weight-only quantisation).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anyformer.parts.onednn import fast_linear


class Linear(nn.Module):
    """y = x W^T + b; weight [out, in]."""

    def __init__(self, d_in: int, d_out: int, bias: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d_out, d_in))
        self.bias = nn.Parameter(torch.zeros(d_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return apply_linear(x, self.weight, self.bias)


def apply_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if x.dtype == torch.float32 and x.device.type == "cpu" and not torch.compiler.is_compiling():
        return fast_linear(x, weight, bias)
    return F.linear(x, weight.to(x.dtype), None if bias is None else bias.to(x.dtype))


def apply_together(x: Tensor, maps: list[Linear]) -> list[Tensor]:
    """Several maps of one input. With many rows in bf16 one product with the joined weights is faster (512 rows of 768: 9.8 ms against 16.3);
    with few, or in fp32 (43.4 against 44.0), joining costs what it gains."""
    if x.shape[:-1].numel() < 512 or x.dtype == torch.float32 or len(maps) == 1 or any(type(m) is not Linear for m in maps):
        return [m(x) for m in maps]
    weight = torch.cat([m.weight.to(x.dtype) for m in maps])
    biases = [m.bias for m in maps]
    bias = None if any(b is None for b in biases) else torch.cat([b.to(x.dtype) for b in biases if b is not None])
    if bias is None and any(b is not None for b in biases):
        return [m(x) for m in maps]
    return list(apply_linear(x, weight, bias).split([m.weight.shape[0] for m in maps], dim=-1))
