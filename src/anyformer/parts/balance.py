"""How evenly experts are used, and the losses that keep it so. Means over the tokens that are real; M tokens, k choices, E experts."""

from __future__ import annotations

import torch
from torch import Tensor


def copies_of(expert: Tensor, n_experts: int) -> Tensor:
    """[E] fp32: how many copies each expert is sent, for expert [M, k]; E (nowhere) is left out."""
    counts = torch.zeros(n_experts + 1, device=expert.device)
    return counts.index_add_(0, expert.reshape(-1), torch.ones(expert.numel(), device=expert.device))[:-1]


def load_balance(probabilities: Tensor, expert: Tensor, real: Tensor | None) -> Tensor:
    """E sum_e f_e P_e (Fedus et al. 2021, equations 4-6): f_e the copies a token that expert e is sent, P_e its mean probability.

    probabilities [M, E], expert [M, k]. 1 where all k = 1 copies are spread evenly; k for k.
    """
    n_experts = probabilities.shape[1]
    n_real = probabilities.shape[0] if real is None else real.sum().clamp(min=1)
    total = probabilities.sum(0) if real is None else (probabilities * real.unsqueeze(1)).sum(0)
    return n_experts * (copies_of(expert, n_experts) / n_real) @ (total / n_real)


def z_loss(scores: Tensor, real: Tensor | None) -> Tensor:
    """mean (log sum_e exp score_e)^2 (Zoph et al. 2022, ST-MoE, equation 5); scores [M, E]."""
    squares = torch.logsumexp(scores, -1).square()
    return squares.mean() if real is None else (squares * real).sum() / real.sum().clamp(min=1)


def sequence_balance(scores: Tensor, expert: Tensor, real: Tensor | None, n_rows: int) -> Tensor:
    """The mean over rows of sum_e f_e P_e (DeepSeek-AI 2024, equations 17-20).

    scores [M, E] are positive; f_e = E / (k T) times the copies of the row that expert e is sent, P_e its mean share of a token's scores.
    """
    n_tokens, n_experts = scores.shape
    k = expert.shape[1]
    share = scores / scores.sum(-1, keepdim=True)
    one = torch.ones(n_tokens, device=scores.device) if real is None else real.float()
    length = one.view(n_rows, -1).sum(1, keepdim=True).clamp(min=1)  # [B, 1]
    mean = (share * one.unsqueeze(1)).view(n_rows, -1, n_experts).sum(1) / length  # [B, E]
    chosen = torch.zeros(n_rows, n_experts + 1, device=scores.device)
    chosen.scatter_add_(1, expert.view(n_rows, -1), torch.ones(expert.shape, device=scores.device).view(n_rows, -1))
    return (n_experts / k * chosen[:, :-1] / length * mean).sum(1).mean()
