"""fp32 or bf16: what is faster on this device, found by measuring and not by its name."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anyformer.training.config import Precision

_GAIN = 1.2  # bf16 must be this much faster to be worth its 8 bits of mantissa
_REPEATS = 3
_DISTINCT = 8  # shapes that are timed, the heaviest
# (fewest and most rows, largest side): as many rows as a training step has, or fewer where the matrix is large, so that a product takes some
# milliseconds. With 256 rows of 128 two threads spend their time waiting for each other, and bf16 seems 1.1 x as fast where a step gains 1.4 x.
_SIZE = {"cpu": (256, 2048, 1024), "cuda": (4096, 4096, 8192)}
_PRODUCT = 1 << 28  # multiplications of a product that is timed, about


class Choice(NamedTuple):
    """A precision and why, for the banner and the record of the run."""

    precision: Precision
    reason: str


def choose_precision(
    device: torch.device | str, shapes: Sequence[tuple[int, int]], linear: Callable[[Tensor, Tensor], Tensor] = F.linear, gain: float = _GAIN
) -> Choice:
    """Times the model's matrix products in both precisions, forward and backward: some tenths of a second in all.

    Args:
        shapes: (outputs, inputs) of the model's matrices.
        linear: (x [rows, inputs], w [outputs, inputs]) -> [rows, outputs], as the model computes it.
        gain: how many times faster bf16 must be to be chosen.
    """
    device = torch.device(device)
    if not shapes:
        return Choice("fp32", "the model has no matrices to measure")
    fp32, bf16 = _seconds(device, shapes, linear)
    where = "on this GPU" if device.type == "cuda" else f"on this {device.type.upper()} with {torch.get_num_threads()} thread(s)"
    ratio = fp32 / bf16
    compared = f"bf16 is {ratio:.1f} x as fast as fp32 {where} at the model's shapes (measured)"
    return Choice("bf16", compared) if ratio >= gain else Choice("fp32", f"{compared}, less than {gain:g} x")


def matrix_shapes(model: nn.Module) -> list[tuple[int, int]]:
    """(outputs, inputs) of every matrix among the model's parameters; stacked ones count one by one."""
    shapes = []
    for p in model.parameters():
        if p.ndim >= 2:
            shapes += [(p.shape[-2], p.shape[-1])] * max(1, p[..., 0, 0].numel())
    return shapes


def _seconds(device: torch.device, shapes: Sequence[tuple[int, int]], linear: Callable[[Tensor, Tensor], Tensor]) -> tuple[float, float]:
    """Time of all products, forward and backward, in (fp32, bf16): the best of each distinct shape, a row, scaled by how often and how large it is."""
    fewest, most, side = _SIZE.get(device.type, _SIZE["cpu"])
    counts = Counter(shapes)
    heaviest = sorted(counts, key=lambda s: (-counts[s] * s[0] * s[1], s))[:_DISTINCT]
    total = {torch.float32: 0.0, torch.bfloat16: 0.0}
    for m, n in heaviest:
        cut = min(m, side), min(n, side)
        rows = max(fewest, min(most, _PRODUCT // (cut[0] * cut[1])))
        scale = counts[m, n] * (m * n) / (cut[0] * cut[1] * rows)
        best = dict.fromkeys(total, float("inf"))
        operands = {t: (_ones(rows, cut[1], device, t), _ones(cut[0], cut[1], device, t)) for t in total}
        for _ in range(_REPEATS + 1):  # the first round makes the kernels; in turns, so that a busy machine hurts both alike
            for dtype, (x, w) in operands.items():
                begin = _now(device)
                y = linear(x, w)
                y.backward(y.detach())
                best[dtype] = min(best[dtype], _now(device) - begin)
        for dtype in total:
            total[dtype] += scale * best[dtype]
    return total[torch.float32], total[torch.bfloat16]


def _ones(rows: int, columns: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.ones(rows, columns, device=device, dtype=dtype, requires_grad=True)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
