"""fp32 products through oneDNN on CPUs where that is faster than torch's default and as exact.

torch sends fp32 products to MKL, which on some CPUs reaches half of what oneDNN does. Whether this one gains is measured
once (a few milliseconds), and the result is used only if it agrees with the default to fp32 accuracy: on CPUs with
reduced-precision units the same call may round to bf16.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Collection
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

Shape = Literal["short", "square", "wide"]
_LEAST = 0.1  # of the time, that must be gained: training's backward pass lays matrices out anew, and less is the noise of the measurement
_WIDE = 4096  # outputs from which a product counts as wide: a vocabulary
_SHORT = 64  # rows up to which it counts as short: a step of greedy search, where what a call costs by itself counts
_PROBES = {"short": (32, 128, 256), "square": (512, 256, 512), "wide": (160, 128, 8192)}  # rows, inputs, outputs


def fast_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x W^T + b in fp32, by the way that is faster for its shape."""
    if _shape(x, weight) not in chosen() or not x.numel():  # oneDNN knows no empty sums
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return _OneDnnLinear.apply(x, weight, bias)
    return _product(x, weight, bias)


def _shape(x: Tensor, weight: Tensor) -> Shape:
    if weight.shape[0] >= _WIDE:
        return "wide"
    return "short" if x.numel() <= _SHORT * x.shape[-1] else "square"


_fixed: tuple[Shape, ...] | None = None


def use(shapes: Collection[Shape] | None) -> None:
    """Fixes for which shapes this process uses oneDNN, so that a resumed run computes as it began; None: measure."""
    global _fixed
    _fixed = None if shapes is None else tuple(sorted(shapes))


def chosen() -> tuple[Shape, ...]:
    """The shapes whose fp32 products go through oneDNN in this process."""
    return _gaining() if _fixed is None else _fixed


@functools.cache
def _gaining() -> tuple[Shape, ...]:
    return tuple(s for s in get_args(Shape) if share_of_time(s) < 1 - _LEAST)


@functools.cache
def share_of_time(shape: Shape) -> float:
    """Of the default product's time, what oneDNN's takes here; infinite where it is not as exact or not there."""
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return math.inf
    rows, d_in, d_out = _PROBES[shape]
    draws = torch.Generator().manual_seed(0)
    x, weight = torch.randn(rows, d_in, generator=draws), torch.randn(d_out, d_in, generator=draws)
    with torch.inference_mode():
        try:
            ours, theirs = _product(x, weight, None), F.linear(x, weight)
        except RuntimeError:
            return math.inf
        if (ours - theirs).abs().max() > 1e-5 * theirs.abs().max():
            return math.inf
        fast, default = _seconds(lambda: _product(x, weight, None), lambda: F.linear(x, weight))
        return fast / default


def _seconds(*calls: Callable[[], Tensor]) -> list[float]:
    """The shortest time of each call, which other work on the machine spoils least; in turns, so that each finds the caches as another has left them."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(15):
        for call, taken in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [min(taken) for taken in times]


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
