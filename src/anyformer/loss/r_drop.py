"""R-Drop (Liang et al. 2021, arXiv:2106.14448): each batch goes through the model twice, and the two dropouts must agree.

Shapes: hidden [2, R, D] (R rows that count, through two dropouts), weight [V, D], targets [R].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from anyformer.batch import Batch
from anyformer.loss.rows import Loss, blocks, chunks, counted, log_normaliser, with_experts
from anyformer.model.model import Output
from anyformer.parts.head import capped
from anyformer.parts.linear import apply_linear


def r_drop(forward: Callable[[Batch], Output], batch: Batch, alpha: float, label_smoothing: float = 0.0, z_loss: float = 0.0) -> Loss:
    """The mean of the two passes' cross-entropies, and alpha / 4 times KL(p, q) + KL(q, p) of their predictions p and q.

    That is half of the paper's equation 4, so that the sums, and with them the learning rate and the clipping, keep the scale of
    `cross_entropy`, and `alpha` has the paper's meaning (5 for translation there). `label_smoothing` and `z_loss` as there.
    """
    output = forward(batch.repeated(2))
    hidden, targets, weights = counted(output.hidden.reshape(2, -1, output.hidden.shape[-1]), batch)

    def then(rows: Tensor, weight: Tensor, bias: Tensor | None, softcap: float | None) -> tuple[Tensor, Tensor]:
        pairs = rows.view(2, -1, rows.shape[-1])
        if softcap is not None:
            return _plain(pairs, weight, bias, softcap, targets, weights, label_smoothing, z_loss, alpha)
        return _RDrop.apply(pairs, weight, bias, targets, weights, label_smoothing, z_loss, alpha)

    with torch.autocast(hidden.device.type, enabled=False):  # the dtype is that of hidden; sums stay in fp32
        total, nats = output.head(hidden.flatten(0, 1), then=then)
    return with_experts(Loss(total, nats, weights.sum()), output)


class _RDrop(torch.autograd.Function):
    """As `_LinearCrossEntropy`, over pairs of rows: logits in blocks, their gradients at once, nothing of size [R, V] kept.

    With D = log p - log q, the divergences' gradients are p (D - KL(p, q)) + p - q for the logits of p, and
    q (-D - KL(q, p)) + q - p for those of q.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, weights: Tensor, smoothing: float, z_loss: float, alpha: float
    ) -> tuple[Tensor, Tensor]:
        rows, n_entries = hidden.shape[1], weight.shape[0]
        w = weight.to(hidden.dtype)
        b = None if bias is None else bias.to(hidden.dtype)
        mean_row = w.float().mean(0)  # [D]: smoothing acts through it, without a pass over the logits
        mean_logit = hidden.float() @ mean_row + (0.0 if b is None else b.float().mean())  # [2, R]
        log_z, own = torch.empty(2, rows, device=hidden.device), torch.empty(2, rows, device=hidden.device)
        divergence = torch.empty(rows, device=hidden.device)
        d_hidden, d_weight = torch.empty_like(hidden), torch.zeros_like(weight)
        d_bias = None if bias is None else torch.zeros_like(bias)
        for block in blocks(rows, 2 * hidden.element_size() * n_entries):
            logits = apply_linear(hidden[:, block], w, b)  # [2, rows of the block, V]; soon their gradient
            for part in chunks(logits.shape[1], 2 * 4 * n_entries):
                at = slice(block.start + part.start, block.start + part.stop)
                target = targets[at].unsqueeze(1).expand(2, -1, -1)  # [2, rows, 1]
                p = torch.softmax(logits[:, part], -1, dtype=torch.float32)
                chosen = logits[:, part].gather(2, target).squeeze(2).float()
                log_z[:, at] = log_normaliser(logits[:, part], p.gather(2, target).squeeze(2), chosen)
                own[:, at] = log_z[:, at] - chosen
                apart = logits[0, part].to(torch.float32, copy=True).sub_(logits[1, part]).sub_((log_z[0, at] - log_z[1, at]).unsqueeze(1))  # log p - log q
                kl = torch.linalg.vecdot(p[0], apart), -torch.linalg.vecdot(p[1], apart)
                divergence[at] = kl[0] + kl[1]
                difference = p[0] - p[1]
                for i, sign in enumerate((1, -1)):
                    gradient = (sign * apart if sign < 0 else apart.clone()).sub_(kl[i].unsqueeze(1)).mul_(p[i]).add_(difference, alpha=sign).mul_(alpha / 2)
                    gradient += p[i].mul_((1 + 2 * z_loss * log_z[i, at]).unsqueeze(1)) if z_loss else p[i]
                    gradient.scatter_add_(1, target[i], torch.full_like(gradient[:, :1], smoothing - 1))
                    logits[i, part] = gradient.mul_(0.5 * weights[at].unsqueeze(1))
            both = logits.flatten(0, 1)
            d_hidden[:, block] = torch.mm(both, w).view(2, -1, w.shape[1])
            d_weight += (both.t() @ hidden[:, block].flatten(0, 1)).float()
            if d_bias is not None:
                d_bias += both.sum(0, dtype=torch.float32)
            del logits, both  # or two blocks would be held at once
        if smoothing:
            half = (0.5 * smoothing) * weights
            d_hidden -= (half.unsqueeze(1) * mean_row).to(hidden.dtype)
            d_weight -= (half @ hidden.float().sum(0)) / n_entries
            if d_bias is not None:
                d_bias -= 2 * half.sum() / n_entries
        ctx.grads = d_hidden, d_weight, d_bias
        nats = own.mean(0) @ weights
        each = (1 - smoothing) * own + smoothing * (log_z - mean_logit) if smoothing else own
        each = each + z_loss * log_z.square() if z_loss else each
        ctx.mark_non_differentiable(nats)
        return (each.mean(0) + alpha / 4 * divergence) @ weights, nats

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        scaled = [None if g is None else g.mul_(grad.to(g.dtype)) for g in ctx.grads]
        ctx.grads = None
        return (*scaled, None, None, None, None, None)


def _plain(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, cap: float, targets: Tensor, weights: Tensor, smoothing: float, z_loss: float, alpha: float
) -> tuple[Tensor, Tensor]:
    """The same sums under a cap on the logits; blocks are computed again in the backward pass instead of being held."""

    def block(rows: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        logits = capped(apply_linear(rows, weight, bias).float(), cap)
        log_z = torch.logsumexp(logits, -1)
        log_p = logits - log_z.unsqueeze(-1)
        own = -log_p.gather(2, targets.expand(2, -1).unsqueeze(2)).squeeze(2)
        each = (1 - smoothing) * own - smoothing * log_p.mean(-1) + z_loss * log_z.square()
        divergence = ((log_p[0].exp() - log_p[1].exp()) * (log_p[0] - log_p[1])).sum(-1)
        return (each.mean(0) + alpha / 4 * divergence) @ weights, own.detach().mean(0) @ weights

    total, nats = torch.zeros((), device=hidden.device), torch.zeros((), device=hidden.device)
    for at in blocks(hidden.shape[1], 2 * 4 * weight.shape[0]):
        more, nat = checkpoint(block, hidden[:, at], weight, bias, targets[at], weights[at], use_reentrant=False)
        total, nats = total + more, nats + nat
    return total, nats
