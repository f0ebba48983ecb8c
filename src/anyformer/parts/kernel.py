"""softmax(cap(scale * (q k + scores)) + bias + mask) v + values, by the fastest way that is exact on the device at hand.

The only file that names SDPA. Shapes: q [B, N, T, H], k and v [B, K, S, H] with N a multiple of K (grouped queries); out [B, T, N * H].
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.blockwise import Attend, attend_by_tiles
from anyformer.parts.dropout import Dropout
from anyformer.parts.flex import attend_by_flex
from anyformer.parts.lowering import Plan, Tile, dense

_LONG = 512  # keys from which blockwise attention beats the plain products on CPUs
_VECTOR = 16  # fp32 numbers in the widest vector of a CPU


class Equation(NamedTuple):
    """What stands in the equation beside q, k, v and the plan's bias and mask."""

    scale: float
    cap: float | None = None
    sinks: Tensor | None = None  # [N]
    dropout: Dropout = Dropout(0.0)
    position: AttentionPosition | None = None

    @property
    def plain(self) -> bool:
        """No more than scale, bias and mask: what fused kernels know."""
        return self.cap is None and self.fits_flex

    @property
    def fits_flex(self) -> bool:
        """Nothing that reads all keys of a query at once."""
        by_content = self.position is not None and bool(self.position.uses & {"scores", "values"})
        return self.sinks is None and not by_content


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan, equation: Equation) -> Tensor:
    dropout = equation.dropout
    dropping = dropout.training and dropout.p > 0
    if plan.flex is not None and plan.source is not None:
        out = None
        if equation.fits_flex and not dropping:
            out = attend_by_flex(q, k, v, plan.source[0], plan.flex, plan.bias, equation.scale, equation.cap)
        return attend(q, k, v, dense(plan), equation) if out is None else out.transpose(1, 2).flatten(2)
    if plan.tiles is not None:
        out = attend_by_tiles(_tile(equation), plan.tiles, q, k, v, equation.sinks, plan.biases, dropping)
    elif not equation.plain or (q.device.type == "cpu" and (dropping or not _sdpa_gains(q, k))):
        out = _plain(q, k, v, plan, equation)
    else:
        out = _sdpa(q, k, v, plan, equation.scale, dropout.p if dropping else 0.0)
    return out.transpose(1, 2).flatten(2)


def _sdpa_gains(q: Tensor, k: Tensor) -> bool:
    """On CPUs: over long keys, and in fp32 for the single queries of decoding (32 rows of 12 keys: 49 us against 112)."""
    return k.shape[2] >= _LONG or (q.shape[2] == 1 and q.dtype == torch.float32 and not torch.is_grad_enabled())


def attention_weights(q: Tensor, k: Tensor, plan: Plan, equation: Equation) -> Tensor:
    """The softmax of the equation, [B, N, T, S] in fp32: what `attend` multiplies v by."""
    return _weights(q.float(), k.float(), dense(plan), equation)


def _tile(equation: Equation) -> Attend:
    """The equation for one tile."""

    def attend_tile(q: Tensor, k: Tensor, v: Tensor, tile: Tile, bias: Tensor | None, sinks: Tensor | None) -> Tensor:
        return _plain(q, k, v, Plan(allowed=tile.allowed, bias=bias, empty=tile.empty), equation._replace(sinks=sinks))

    return attend_tile


def _plain(q: Tensor, k: Tensor, v: Tensor, plan: Plan, equation: Equation) -> Tensor:
    """Products and a softmax: on CPUs faster than SDPA in bf16 and at short lengths, forward and backward."""
    weights = equation.dropout(_weights(q, k, plan, equation))
    out = weights @ _repeat_heads(v, q.shape[1])
    if equation.position is not None and "values" in equation.position.uses:
        assert plan.q is not None and plan.k is not None
        values = equation.position.values(weights, plan.q, plan.k)
        out = out if values is None else out + values.to(out.dtype)
    return out


def _weights(q: Tensor, k: Tensor, plan: Plan, equation: Equation) -> Tensor:
    scores = (q * equation.scale) @ _repeat_heads(k, q.shape[1]).transpose(-1, -2)
    dtype = scores.dtype
    if equation.position is not None and "scores" in equation.position.uses:
        assert plan.q is not None and plan.k is not None
        added = equation.position.scores(q, k, plan.q, plan.k)
        scores = scores if added is None else scores + equation.scale * added.to(dtype)
    if scores.device.type == "cpu":  # the softmax needs them in fp32, and a mask is added to them there in a sixth of the time
        scores = scores.to(torch.promote_types(dtype, torch.float32))
    if equation.cap is not None:
        scores = equation.cap * torch.tanh(scores / equation.cap)
    if plan.causal:
        scores = scores + _triangle(scores)
    elif plan.bias is not None:
        scores = scores + plan.bias.to(scores.dtype)
    weights = (_softmax(scores) if equation.sinks is None else _softmax_beside(scores, equation.sinks)).to(dtype)
    return weights * plan.allowed if plan.empty and plan.allowed is not None else weights


def _softmax_beside(scores: Tensor, sinks: Tensor) -> Tensor:
    """The softmax of [B, N, T, S] and a sink's logit a head [N], without the sink's share."""
    beside = sinks.to(scores.dtype).view(1, -1, 1, 1).expand(*scores.shape[:3], 1)
    return torch.cat([scores, beside], dim=-1).float().softmax(-1)[..., :-1]


def _softmax(scores: Tensor) -> Tensor:
    """Of the last dimension. Rows shorter than a vector are filled up with -inf on CPUs, where torch takes them number by number
    (16,384 rows of 14, there and back: 0.7 ms instead of 5.6)."""
    if scores.device.type != "cpu" or torch.compiler.is_compiling():  # a compiler has vectors of its own, and would make a code for each case
        return scores.softmax(-1)
    missing = _VECTOR - scores.shape[-1]
    if missing <= 0:
        return scores.softmax(-1)
    return F.pad(scores, (0, missing), value=-torch.inf).softmax(-1)[..., :-missing]


def _sdpa(q: Tensor, k: Tensor, v: Tensor, plan: Plan, scale: float, dropout: float) -> Tensor:
    grouped = q.shape[1] != k.shape[1]
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=plan.bias, dropout_p=dropout, is_causal=plan.causal, scale=scale, enable_gqa=grouped)
    if plan.empty and plan.allowed is not None:
        out = out * plan.allowed.any(-1, keepdim=True)
    return out


def _triangle(scores: Tensor) -> Tensor:
    n = scores.shape[-1]
    return torch.full((n, n), torch.finfo(scores.dtype).min, dtype=scores.dtype, device=scores.device).triu_(1)


def _repeat_heads(x: Tensor, n_heads: int) -> Tensor:
    """[B, K, S, H] -> [B, N, S, H]: each key head serves N / K query heads in turn."""
    return x if x.shape[1] == n_heads else x.repeat_interleave(n_heads // x.shape[1], dim=1)
