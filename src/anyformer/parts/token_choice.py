"""Routers by which each token chooses its experts. Shapes: M tokens, k choices, E experts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from anyformer.parts.auxiliary import Aux
from anyformer.parts.balance import copies_of, load_balance, z_loss
from anyformer.parts.capacity import Capacity, CapacityFactor, has_place
from anyformer.parts.guarantees import ALL
from anyformer.parts.router import Router, Routing, real_tokens, sent
from anyformer.spec import spec


class TokenChoice(Router):
    """What TopK, Switch and TopTwo have in common."""

    class Config(Router.Config):
        capacity: Capacity | None
        balance_loss: float
        z_loss: float

        @property
        def choices(self) -> int:
            """k"""
            raise NotImplementedError

        def problems(self) -> Iterator[tuple[str, str]]:
            for name in ("balance_loss", "z_loss"):
                if getattr(self, name) < 0:
                    yield name, f"the weight of a loss is 0 or more, not {getattr(self, name)}"
            if self.choices < 1:
                yield "k", f"a token goes to at least one expert, not {self.choices}"

        def misfits(self, n_experts: int) -> list[tuple[str, str]]:
            if self.choices > n_experts:
                return [("k", f"a token cannot go to {self.choices} of {n_experts} experts; take at most {n_experts}")]
            return []

        def experts_per_token(self, n_experts: int) -> float:
            return self.choices

        def guarantees(self) -> frozenset[str]:
            # A full expert drops later tokens of the document; token by token, none is ever full. All first choices come before second ones,
            # so a later token's first choice may take the place of an earlier one's second.
            if self.capacity is None or not self.capacity.drops(training=False):
                return ALL
            return ALL - ({"cached"} if self.choices == 1 else {"cached", "causal"})

    def __init__(self, config: Config, d_model: int, n_experts: int, bias: bool = False):
        super().__init__(d_model, n_experts, bias)
        self.k, self.capacity = config.choices, config.capacity
        self.balance_loss, self.z_loss = config.balance_loss, config.z_loss
        self.leaves_out = False  # whether `choose` may send a copy nowhere (expert E) in training

    def choose(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """scores [M, E] -> probabilities [M, E], chosen experts [M, k], their weights [M, k]."""
        raise NotImplementedError

    def forward(self, x: Tensor, segment: Tensor | None) -> Routing:
        scores, real = self.scores(x), real_tokens(segment)
        drops = self.capacity is not None and self.capacity.drops(self.training)
        probabilities, expert, weight = self.choose(scores)
        if real is not None:
            expert = torch.where(real.unsqueeze(1), expert, self.n_experts)
        with torch.no_grad():
            counts, kept = copies_of(expert, self.n_experts), expert
            if drops and self.capacity is not None:
                fits = has_place(expert, segment, (x.shape[0], x.shape[1]), self.capacity, self.n_experts, self.training)
                kept = torch.where(fits, expert, self.n_experts)
            n_sent = counts.sum().clamp(min=1)
            load, dropped = counts / n_sent, (expert != kept).sum() / n_sent
        token, groups, weight = sent(kept, weight, self.n_experts, real is not None or drops or (self.training and self.leaves_out))
        return Routing(token, groups, weight, Aux(self.loss(scores, probabilities, expert, real), load, dropped))

    def loss(self, scores: Tensor, probabilities: Tensor, expert: Tensor, real: Tensor | None) -> Tensor:
        total = torch.zeros((), device=scores.device)
        if self.training and self.balance_loss:
            total = total + self.balance_loss * load_balance(probabilities, expert, real)
        if self.training and self.z_loss:
            total = total + self.z_loss * z_loss(scores, real)
        return total


class TopK(TokenChoice):
    """The k best experts, weighted by their probabilities (Shazeer et al. 2017), with `normalize` divided by their sum (Mixtral, Jiang et al. 2024; Qwen3)."""

    @spec
    class Config(TokenChoice.Config):
        k: int = 2
        score: Literal["softmax", "sigmoid"] = "softmax"
        normalize: bool = True
        capacity: Capacity | None = None
        balance_loss: float = 0.0
        z_loss: float = 0.0

        @property
        def choices(self) -> int:
            return self.k

        @property
        def sums_to_one(self) -> bool:
            return self.normalize and self.capacity is None

    def __init__(self, config: Config, d_model: int, n_experts: int):
        super().__init__(config, d_model, n_experts)
        self.score, self.normalize = config.score, config.normalize

    def choose(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        probabilities = torch.softmax(scores, -1) if self.score == "softmax" else torch.sigmoid(scores)
        weight, expert = probabilities.topk(self.k, dim=-1)
        return probabilities, expert, weight / (weight.sum(-1, keepdim=True) + 1e-20) if self.normalize else weight


class Switch(TokenChoice):
    """The best expert, weighted by its probability; what finds no place passes by (Fedus et al. 2021, section 2).

    In training, `jitter` multiplies what the router reads by numbers drawn from [1 - jitter, 1 + jitter] (table 2 of the paper).
    """

    @spec
    class Config(TokenChoice.Config):
        capacity: Capacity | None = CapacityFactor()
        jitter: float = 0.01
        bias: bool = False
        balance_loss: float = 0.01
        z_loss: float = 0.0

        @property
        def choices(self) -> int:
            return 1

        def problems(self) -> Iterator[tuple[str, str]]:
            yield from super().problems()
            if not 0 <= self.jitter < 1:
                yield "jitter", f"jitter lies in [0, 1), not {self.jitter}"

    def __init__(self, config: Config, d_model: int, n_experts: int):
        super().__init__(config, d_model, n_experts, config.bias)
        self.jitter = config.jitter

    def scores(self, x: Tensor) -> Tensor:
        if self.training and self.jitter:
            x = x.float() * torch.empty_like(x, dtype=torch.float32).uniform_(1 - self.jitter, 1 + self.jitter)
        return super().scores(x)

    def choose(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        probabilities = torch.softmax(scores, -1)
        weight, expert = probabilities.max(-1, keepdim=True)
        return probabilities, expert, weight


class TopTwo(TokenChoice):
    """The two best experts of GShard (Lepikhin et al. 2020, algorithm 1) and GLaM (Du et al. 2021): weights divided by their sum before any is dropped.

    `second` "sampled": in training the second expert is used with a probability of twice its weight. The balance loss counts first choices.
    """

    @spec
    class Config(TokenChoice.Config):
        capacity: Capacity | None = CapacityFactor(training=1.0, evaluation=1.0)
        second: Literal["always", "sampled"] = "always"
        balance_loss: float = 0.01
        z_loss: float = 1e-4

        @property
        def choices(self) -> int:
            return 2

        @property
        def sums_to_one(self) -> bool:
            return self.capacity is None and self.second == "always"

    def __init__(self, config: Config, d_model: int, n_experts: int):
        super().__init__(config, d_model, n_experts)
        self.leaves_out = config.second == "sampled"

    def choose(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        probabilities = torch.softmax(scores, -1)
        weight, expert = probabilities.topk(2, dim=-1)
        weight = weight / (weight.sum(-1, keepdim=True) + 1e-20)
        if self.training and self.leaves_out:
            unused = 2 * weight[:, 1] <= torch.rand_like(weight[:, 1])
            expert = torch.stack([expert[:, 0], torch.where(unused, self.n_experts, expert[:, 1])], dim=1)
        return probabilities, expert, weight

    def loss(self, scores: Tensor, probabilities: Tensor, expert: Tensor, real: Tensor | None) -> Tensor:
        return super().loss(scores, probabilities, expert[:, :1], real)
