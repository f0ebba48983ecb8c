"""Dropout (Srivastava et al. 2014) with a mask that costs little on CPUs.

torch's CPU dropout draws one scalar Bernoulli an element, which takes as long as a matrix product many times its size.
Here one 64-bit random number serves four bf16 elements (two fp32): its 15 or 31 low bits are compared with a threshold
by integer arithmetic, and the result is already the bit pattern of 1 / (1 - p) or 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BITS = {torch.bfloat16: torch.int16, torch.float16: torch.int16, torch.float32: torch.int32}


class Dropout(nn.Module):
    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if not _draws_bits(x):
            return F.dropout(x, self.p)
        return x * keep_mask(x, self.p)

    def add(self, skip: Tensor, x: Tensor) -> Tensor:
        """skip + dropout(x), in one pass where a mask is drawn here."""
        if not self.training or self.p == 0 or not _draws_bits(x) or skip.dtype != x.dtype:
            return skip + self(x)
        return torch.addcmul(skip, x, keep_mask(x, self.p))


def _draws_bits(x: Tensor) -> bool:
    """Whether the mask is drawn here: a compiler has a cheap one of its own, and none for views between widths."""
    return x.device.type == "cpu" and x.dtype in _BITS and not torch.compiler.is_compiling()


def keep_mask(like: Tensor, p: float) -> Tensor:
    """A tensor of the shape and dtype of `like`: 0 with probability p, else 1 / (1 - p). Draws from torch's CPU generator."""
    bits = _BITS[like.dtype]
    width = torch.iinfo(bits).bits
    n = like.numel()
    draws = torch.empty((n * width + 63) // 64, dtype=torch.int64).random_(-(2**63), None).view(bits)[:n]
    keep = max(1, round((1 - p) * 2 ** (width - 1)))
    scale = torch.tensor(2 ** (width - 1) / keep, dtype=like.dtype).view(bits)
    # draw - keep is negative, all ones after the shift, for the share 1 - p of the draws
    draws.bitwise_and_(torch.iinfo(bits).max).sub_(keep).bitwise_right_shift_(width - 1).bitwise_and_(scale)
    return draws.view(like.dtype).view(like.shape)
