"""Cross-entropy over a vocabulary, without ever holding all logits.

Shapes: hidden [R, D] (R rows that count), weight [V, D], targets [R].
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from anyformer.batch import Batch
from anyformer.loss.rows import Loss, blocks, chunks, counted, log_normaliser, with_experts
from anyformer.model.model import Output
from anyformer.parts.head import capped
from anyformer.parts.linear import apply_linear


def cross_entropy(output: Output, batch: Batch, label_smoothing: float = 0.0, z_loss: float = 0.0) -> Loss:
    """-log p of `batch.targets`, summed.

    `label_smoothing` gives that share of the probability to all entries alike (Szegedy et al. 2016, section 7);
    `z_loss` adds z_loss * log(Z)^2 (Chowdhery et al. 2022, section 5). The losses of experts, which are means, count once for each target.
    """
    hidden, targets, weights = counted(output.hidden.flatten(0, 1), batch)

    def then(rows: Tensor, weight: Tensor, bias: Tensor | None, softcap: float | None) -> tuple[Tensor, Tensor]:
        if softcap is not None:
            return _capped_cross_entropy(rows, weight, bias, softcap, targets, weights, label_smoothing, z_loss)
        return _LinearCrossEntropy.apply(rows, weight, bias, targets, weights, label_smoothing, z_loss)

    with torch.autocast(hidden.device.type, enabled=False):  # the dtype is that of hidden; sums stay in fp32
        total, nats = output.head(hidden, then=then)
    return with_experts(Loss(total, nats, weights.sum()), output)


class _LinearCrossEntropy(torch.autograd.Function):
    """Blocks of rows: logits, their softmax p, and at once the gradients; only [R, D] and [V, D] outlive the forward.

    The gradient of a row's logits is its weight times (1 + 2 z log Z) p - (1 - s) onehot - s / V. The last term is the
    same for all entries, so it and the mean logit in the smoothed loss come from the sum of W's rows, without a pass
    over the logits.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, weights: Tensor, smoothing: float, z_loss: float
    ) -> tuple[Tensor, Tensor]:
        needs = ctx.needs_input_grad
        rows, n_entries = hidden.shape[0], weight.shape[0]
        w = weight.to(hidden.dtype)
        b = None if bias is None else bias.to(hidden.dtype)
        mean_row = w.float().mean(0)  # [D]
        mean_logit = hidden.float() @ mean_row + (0.0 if b is None else b.float().mean())  # [R]
        log_z, own = torch.empty(rows, device=hidden.device), torch.empty(rows, device=hidden.device)
        d_hidden = torch.empty_like(hidden) if needs[0] else None
        d_weight = torch.zeros_like(weight) if needs[1] else None
        d_bias = torch.zeros_like(bias) if bias is not None and needs[2] else None
        alike = hidden.device.type == "cpu" and bool((weights == 1).all())
        for block in blocks(rows, hidden.element_size() * n_entries):
            logits = apply_linear(hidden[block], w, b)
            for part in chunks(logits.shape[0], 4 * n_entries):
                at = slice(block.start + part.start, block.start + part.stop)
                target = targets[at].unsqueeze(1)
                p = torch.softmax(logits[part], -1, dtype=torch.float32)
                chosen = logits[part].gather(1, target).squeeze(1).float()
                log_z[at] = log_normaliser(logits[part], p.gather(1, target).squeeze(1), chosen)
                own[at] = log_z[at] - chosen
                if not any(needs):
                    continue
                if z_loss:
                    p *= (1 + 2 * z_loss * log_z[at]).unsqueeze(1)
                p.scatter_add_(1, target, torch.full_like(p[:, :1], smoothing - 1))
                logits[part] = p if alike else p.mul_(weights[at].unsqueeze(1))  # from here on their gradient
            if d_hidden is not None:
                torch.mm(logits, w, out=d_hidden[block])
            if d_weight is not None:
                d_weight += (logits.t() @ hidden[block]).float()
            if d_bias is not None:
                d_bias += logits.sum(0, dtype=torch.float32)
            del logits  # or two blocks would be held at once
        if smoothing and d_hidden is not None:
            d_hidden -= (weights.unsqueeze(1) * (smoothing * mean_row)).to(hidden.dtype)
        if smoothing and d_weight is not None:
            d_weight -= (smoothing / n_entries) * (weights @ hidden.float())
        if smoothing and d_bias is not None:
            d_bias -= (smoothing / n_entries) * weights.sum()
        ctx.grads = d_hidden, d_weight, d_bias
        nats = own @ weights
        each = own if smoothing == 0 else (1 - smoothing) * own + smoothing * (log_z - mean_logit)
        total = (each if z_loss == 0 else each + z_loss * log_z.square()) @ weights
        ctx.mark_non_differentiable(nats)
        return total, nats

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        d_hidden, d_weight, d_bias = ctx.grads
        ctx.grads = None
        scaled = [None if g is None else g.mul_(grad.to(g.dtype)) for g in (d_hidden, d_weight, d_bias)]
        return (*scaled, None, None, None, None)


def _capped_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, cap: float, targets: Tensor, weights: Tensor, smoothing: float, z_loss: float
) -> tuple[Tensor, Tensor]:
    """The same sums under a cap on the logits; blocks are computed again in the backward pass instead of being held."""

    def block(rows: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        logits = capped(apply_linear(rows, weight, bias).float(), cap)
        log_z = torch.logsumexp(logits, -1)
        own = log_z - logits.gather(1, targets.unsqueeze(1)).squeeze(1)
        each = own if smoothing == 0 else (1 - smoothing) * own + smoothing * (log_z - logits.mean(-1))
        return (each if z_loss == 0 else each + z_loss * log_z.square()) @ weights, own.detach() @ weights

    total, nats = torch.zeros((), device=hidden.device), torch.zeros((), device=hidden.device)
    for at in blocks(hidden.shape[0], 4 * weight.shape[0]):
        more, nat = checkpoint(block, hidden[at], weight, bias, targets[at], weights[at], use_reentrant=False)
        total, nats = total + more, nats + nat
    return total, nats
