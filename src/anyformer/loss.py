"""Cross-entropy over a vocabulary, without ever holding all logits.

Shapes: hidden [R, D] (R rows that count), weight [V, D], targets [R].
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Batch
from anyformer.model.model import Output
from anyformer.parts.linear import apply_linear

_BLOCK_BYTES = 16 * 2**20  # of fp32 logits at a time: stays in the caches


class Loss(NamedTuple):
    """Sums over the targets that count; divide by `weight` for means."""

    total: Tensor  # scalar, differentiable: smoothed, with the z-loss
    nats: Tensor  # scalar: -log p of the targets
    weight: Tensor  # scalar: sum of the targets' weights


def cross_entropy(output: Output, batch: Batch, label_smoothing: float = 0.0, z_loss: float = 0.0) -> Loss:
    """-log p of `batch.targets`, summed.

    `label_smoothing` gives that share of the probability to all entries alike (Szegedy et al. 2016, section 7);
    `z_loss` adds z_loss * log(Z)^2 (Chowdhery et al. 2022, section 5).
    """
    if batch.targets is None:
        raise ValueError("a loss needs a batch with targets")
    hidden, targets = output.hidden.flatten(0, 1), batch.targets.flatten()
    weights = torch.ones(targets.shape, device=hidden.device) if batch.weights is None else batch.weights.flatten().float()
    if batch.weights is not None and hidden.device.type == "cpu":  # elsewhere the shape must not depend on data
        counted = weights.nonzero().squeeze(1)
        if len(counted) < len(weights):
            hidden, targets, weights = hidden.index_select(0, counted), targets[counted], weights[counted]

    def then(rows: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        return _LinearCrossEntropy.apply(rows, weight, bias, targets, weights, label_smoothing, z_loss)

    with torch.autocast(hidden.device.type, enabled=False):  # the dtype is that of hidden; sums stay in fp32
        total, nats = output.head(hidden, then=then)
    return Loss(total, nats, weights.sum())


class _LinearCrossEntropy(torch.autograd.Function):
    """Blocks of rows: logits, their softmax, and at once the gradients; only [R, D] and [V, D] outlive the forward."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, weights: Tensor, smoothing: float, z_loss: float
    ) -> tuple[Tensor, Tensor]:
        needs = ctx.needs_input_grad
        rows, n_entries = hidden.shape[0], weight.shape[0]
        block = max(64, _BLOCK_BYTES // (4 * n_entries))
        w = weight.to(hidden.dtype)
        b = None if bias is None else bias.to(hidden.dtype)
        total, nats = hidden.new_zeros((), dtype=torch.float32), hidden.new_zeros((), dtype=torch.float32)
        d_hidden = torch.empty_like(hidden) if needs[0] else None
        d_weight = torch.zeros_like(weight) if needs[1] else None
        d_bias = torch.zeros_like(bias) if bias is not None and needs[2] else None
        for start in range(0, rows, block):
            at = slice(start, start + block)
            logits = apply_linear(hidden[at], w, b)
            p = torch.softmax(logits, -1, dtype=torch.float32)
            target, share = targets[at].unsqueeze(1), weights[at]
            chosen = logits.gather(1, target).squeeze(1).float()
            log_z = _log_normaliser(logits, p.gather(1, target).squeeze(1), chosen)
            own = log_z - chosen
            nats += own @ share
            smoothed = own if smoothing == 0 else (1 - smoothing) * own + smoothing * (log_z - logits.sum(-1, dtype=torch.float32) / n_entries)
            total += (smoothed if z_loss == 0 else smoothed + z_loss * log_z.square()) @ share
            if not any(needs):
                continue
            if z_loss:
                p *= (1 + 2 * z_loss * log_z).unsqueeze(1)
            if smoothing:
                p -= smoothing / n_entries
            p.scatter_add_(1, target, torch.full_like(p[:, :1], smoothing - 1))
            d_logits = p.mul_(share.unsqueeze(1)).to(hidden.dtype)
            if d_hidden is not None:
                torch.mm(d_logits, w, out=d_hidden[at])
            if d_weight is not None:
                d_weight += d_logits.t() @ hidden[at]
            if d_bias is not None:
                d_bias += d_logits.sum(0, dtype=torch.float32)
        ctx.grads = d_hidden, d_weight, d_bias
        ctx.mark_non_differentiable(nats)
        return total, nats

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        d_hidden, d_weight, d_bias = ctx.grads
        ctx.grads = None
        scaled = [None if g is None else g.mul_(grad.to(g.dtype)) for g in (d_hidden, d_weight, d_bias)]
        return (*scaled, None, None, None, None)


def _log_normaliser(logits: Tensor, p_target: Tensor, target_logit: Tensor) -> Tensor:
    """log sum exp of each row: from the target's probability where that has not underflowed, which saves a pass."""
    if logits.device.type == "cpu" and bool((p_target > 1e-30).all()):
        return target_logit - p_target.log()
    return torch.logsumexp(logits.float(), -1)
