"""Routing by which each expert chooses its tokens (Zhou et al. 2022): every expert has the same work, a token none to all of them.

Shapes: M tokens, E experts, C tokens each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from anyformer.parts.auxiliary import Aux
from anyformer.parts.experts import Groups
from anyformer.parts.router import Router, Routing, real_tokens
from anyformer.spec import spec


class ExpertChoice(Router):
    """Expert e takes the C = factor * M / E tokens of the batch that have the highest softmax score for it (section 3.2, equation 1).

    What a token becomes depends on all others of the batch, later ones included: for encoders, whole batches, and nothing that is cached.
    """

    guarantees: ClassVar[frozenset[str]] = frozenset()

    @spec
    class Config(Router.Config):
        capacity_factor: float = 2.0  # experts that a token has on average

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.capacity_factor <= 0:
                yield "capacity_factor", f"a token has a positive number of experts on average, not {self.capacity_factor}"

        def misfits(self, n_experts: int) -> list[tuple[str, str]]:
            if self.capacity_factor > n_experts:
                return [("capacity_factor", f"a token cannot have {self.capacity_factor:g} of {n_experts} experts on average; take at most {n_experts}")]
            return []

        def experts_per_token(self, n_experts: int) -> float:
            return self.capacity_factor

    def __init__(self, config: Config, d_model: int, n_experts: int):
        super().__init__(d_model, n_experts)
        self.factor = config.capacity_factor

    def forward(self, x: Tensor, segment: Tensor | None) -> Routing:
        scores, real = torch.softmax(self.scores(x), -1), real_tokens(segment)  # [M, E]
        n_tokens = scores.shape[0]
        most = min(n_tokens, math.ceil(self.factor * n_tokens / self.n_experts))  # C, were no token padding
        wanted = scores.t() if real is None else scores.t().masked_fill(~real, -1.0)
        weight, token = wanted.topk(most, dim=-1)  # [E, C]
        if real is not None:
            room = torch.ceil(self.factor * real.sum() / self.n_experts)
            taken = (torch.arange(most, device=x.device) < room) & (weight > 0)
            weight = torch.where(taken, weight, 0.0)
        ends = torch.arange(1, self.n_experts + 1, device=x.device, dtype=torch.int32) * most
        expert = torch.arange(self.n_experts, device=x.device).repeat_interleave(most)
        even = torch.full((self.n_experts,), 1 / self.n_experts, device=x.device)
        nothing = torch.zeros((), device=x.device)
        return Routing(token.flatten(), Groups(ends, expert), weight.flatten(), Aux(nothing, even, nothing))
