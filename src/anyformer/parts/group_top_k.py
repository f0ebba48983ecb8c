"""DeepSeek-V3's router: sigmoid scores, groups of experts, balance by a bias instead of a loss (DeepSeek-AI 2024, section 2.1.2).

Shapes: M tokens, k choices, E experts in G groups.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from anyformer.parts.auxiliary import Aux
from anyformer.parts.balance import copies_of, sequence_balance
from anyformer.parts.router import Router, Routing, real_tokens, sent
from anyformer.spec import spec


class GroupTopK(Router):
    """The k best experts of the `top_groups` best groups, by s + b with s = sigmoid(score); weights from s alone.

    A group is as good as its two best experts together. After each step of training, b_e falls by `rate` for an expert that was sent more than the
    mean and rises for one that was sent less (Wang et al. 2024, auxiliary-loss-free load balancing, algorithm 1): b is a buffer, not a parameter.
    """

    @spec
    class Config(Router.Config):
        k: int = 8
        n_groups: int = 1
        top_groups: int = 1
        normalize: bool = True  # weights divided by their sum
        scale: float = 1.0  # of the weights
        rate: float = 0.001
        balance_loss: float = 0.0001  # of the loss within each sequence

        def problems(self) -> Iterator[tuple[str, str]]:
            for name in ("k", "n_groups", "top_groups"):
                if getattr(self, name) < 1:
                    yield name, f"must be at least 1, not {getattr(self, name)}"
            if self.top_groups > self.n_groups:
                yield "top_groups", f"{self.top_groups} groups cannot be chosen of {self.n_groups}; take at most {self.n_groups}"
            for name in ("rate", "balance_loss"):
                if getattr(self, name) < 0:
                    yield name, f"must be 0 or more, not {getattr(self, name)}"

        def misfits(self, n_experts: int) -> list[tuple[str, str]]:
            if n_experts % self.n_groups:
                near = min((n for n in range(1, n_experts + 1) if n_experts % n == 0), key=lambda n: abs(n - self.n_groups))
                return [("n_groups", f"{n_experts} experts do not divide into {self.n_groups} groups; take {near}")]
            within = n_experts // self.n_groups * self.top_groups
            if self.k > within:
                return [("k", f"{self.top_groups} groups hold {within} experts, so a token cannot go to {self.k}; take at most {within}, or more top_groups")]
            return []

        def experts_per_token(self, n_experts: int) -> float:
            return self.k

        @property
        def sums_to_one(self) -> bool:
            return self.normalize and self.scale == 1

    correction: Tensor  # [E] fp32: b
    counted: Tensor  # [E] fp32: copies that each expert was sent since the last step
    summed = ("counted",)  # to be summed over all processes before `after_step`

    def __init__(self, config: Config, d_model: int, n_experts: int):
        super().__init__(d_model, n_experts)
        self.config = config
        self.register_buffer("correction", torch.zeros(n_experts))
        self.register_buffer("counted", torch.zeros(n_experts), persistent=False)

    def forward(self, x: Tensor, segment: Tensor | None) -> Routing:
        config, real = self.config, real_tokens(segment)
        scores = torch.sigmoid(self.scores(x))  # [M, E]
        with torch.no_grad():
            expert = self._best(scores + self.correction)  # [M, k]
        weight = scores.gather(1, expert)
        if config.normalize:
            weight = weight / (weight.sum(-1, keepdim=True) + 1e-20)
        if real is not None:
            expert = torch.where(real.unsqueeze(1), expert, self.n_experts)
        counts, loss = copies_of(expert, self.n_experts), torch.zeros((), device=x.device)
        if self.training:
            with torch.no_grad():
                self.counted += counts
            if config.balance_loss:
                loss = config.balance_loss * sequence_balance(scores, expert, real, x.shape[0])
        token, groups, weight = sent(expert, weight * config.scale, self.n_experts, real is not None)
        return Routing(token, groups, weight, Aux(loss, counts / counts.sum().clamp(min=1), torch.zeros((), device=x.device)))

    def after_step(self, step: int) -> None:
        """Called by the trainer after each update, with `counted` of all processes."""
        self.correction += self.config.rate * torch.sign(self.counted.mean() - self.counted)
        self.counted.zero_()

    def _best(self, biased: Tensor) -> Tensor:
        n_groups = self.config.n_groups
        if n_groups > 1:
            grouped = biased.unflatten(1, (n_groups, -1))  # [M, G, E / G]
            good = grouped.topk(min(2, grouped.shape[2]), dim=-1).values.sum(-1).topk(self.config.top_groups, dim=-1).indices
            open_ = torch.zeros(good.shape[0], n_groups, dtype=torch.bool, device=good.device).scatter_(1, good, True)
            biased = grouped.masked_fill(~open_.unsqueeze(-1), -torch.inf).flatten(1)
        return biased.topk(self.config.k, dim=-1).indices
