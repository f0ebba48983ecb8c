"""fp32 products through oneDNN on CPUs where that is faster than torch's default and as exact.

torch sends fp32 products to MKL, which on some CPUs reaches half of what oneDNN does. Whether this one gains is measured
once (a few milliseconds), and the result is used only if it agrees with the default to fp32 accuracy: on CPUs with
reduced-precision units the same call may round to bf16.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def fast_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if not chosen():
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return _OneDnnLinear.apply(x, weight, bias)
    return _product(x, weight, bias)


_fixed: bool | None = None


def use(choice: bool | None) -> None:
    """Fixes the choice for this process, so that a resumed run computes as it began; None: measure."""
    global _fixed
    _fixed = choice


def chosen() -> bool:
    """Whether fp32 products go through oneDNN in this process."""
    return gains() if _fixed is None else _fixed


@functools.cache
def gains() -> bool:
    """Whether oneDNN's fp32 product is exact here and at least a fifth faster than the default."""
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    state = torch.random.get_rng_state()
    x, weight = torch.randn(1024, 256), torch.randn(512, 256)
    torch.random.set_rng_state(state)
    try:
        ours, theirs = _product(x, weight, None), F.linear(x, weight)
    except RuntimeError:
        return False
    if (ours - theirs).abs().max() > 1e-5 * theirs.abs().max():
        return False
    return _seconds(lambda: _product(x, weight, None)) < 0.8 * _seconds(lambda: F.linear(x, weight))


def _seconds(call: Callable[[], Tensor]) -> float:
    times = []
    for _ in range(7):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


class _OneDnnLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        rows = grad.reshape(-1, grad.shape[-1])
        dx = dweight = dbias = None
        if ctx.needs_input_grad[0]:
            dx = _product(rows, weight.t().contiguous(), None).view(x.shape)
        if ctx.needs_input_grad[1]:
            dweight = _product(rows.t().contiguous(), x.reshape(-1, x.shape[-1]).t().contiguous(), None)
        if ctx.needs_input_grad[2]:
            dbias = rows.sum(0)
        return dx, dweight, dbias
