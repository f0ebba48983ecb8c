"""softmax(scale * q k + mask) v, by the fastest way that is exact on the device at hand. The only file that names SDPA.

Shapes: q [B, N, T, H], k and v [B, K, S, H] with N a multiple of K (grouped queries); out [B, T, N * H].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from anyformer.parts.dropout import Dropout
from anyformer.parts.lowering import Plan

_LONG = 512  # keys from which blockwise attention beats the plain products on CPUs
_SHORT = 32  # keys below which torch's softmax is slower than its parts


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan, scale: float, dropout: Dropout) -> Tensor:
    dropping = dropout.training and dropout.p > 0
    if q.device.type == "cpu" and (dropping or not _sdpa_gains(q, k)):
        out = _plain(q, k, v, plan, scale, dropout)
    else:
        out = _sdpa(q, k, v, plan, scale, dropout.p if dropping else 0.0)
    return out.transpose(1, 2).flatten(2)


def _sdpa_gains(q: Tensor, k: Tensor) -> bool:
    """On CPUs: over long keys, and in fp32 for the single queries of decoding (32 rows of 12 keys: 49 us against 112)."""
    return k.shape[2] >= _LONG or (q.shape[2] == 1 and q.dtype == torch.float32 and not torch.is_grad_enabled())


def attention_weights(q: Tensor, k: Tensor, plan: Plan, scale: float) -> Tensor:
    """softmax(scale * q k + mask), [B, N, T, S] in fp32: what `attend` multiplies v by."""
    return _weights(q.float(), k.float(), plan, scale)


def _plain(q: Tensor, k: Tensor, v: Tensor, plan: Plan, scale: float, dropout: Dropout) -> Tensor:
    """Products and a softmax: on CPUs faster than SDPA in bf16 and at short lengths, forward and backward."""
    return dropout(_weights(q, k, plan, scale)) @ _repeat_heads(v, q.shape[1])


def _weights(q: Tensor, k: Tensor, plan: Plan, scale: float) -> Tensor:
    scores = (q * scale) @ _repeat_heads(k, q.shape[1]).transpose(-1, -2)
    if plan.causal:
        scores = scores + _triangle(scores)
    elif plan.bias is not None:
        scores = scores + plan.bias.to(scores.dtype)
    weights = _softmax(scores)
    return weights * plan.allowed if plan.empty and plan.allowed is not None else weights


def _softmax(scores: Tensor) -> Tensor:
    """Of the last dimension, in fp32 inside. torch's CPU kernel is slow for short rows: written out it takes half the time without gradients
    (640 rows of 14: 75 us against 150), and in fp32 a third of what it takes in bf16 (16,384 rows of 16: 0.33 ms against 1.06)."""
    if scores.device.type != "cpu":
        return scores.softmax(-1)
    wide = scores.float()
    if not torch.is_grad_enabled() and scores.shape[-1] < _SHORT:
        wide = torch.sub(wide, wide.amax(-1, keepdim=True)).exp_()
        return wide.div_(wide.sum(-1, keepdim=True)).to(scores.dtype)
    return wide.softmax(-1).to(scores.dtype)


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
