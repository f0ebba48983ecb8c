"""Mixture of experts: a feed-forward layer of which each token uses a few parts. Shapes: x [B, T, D], M = B T, R copies of tokens."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from anyformer.parts.auxiliary import Aux
from anyformer.parts.experts import Experts
from anyformer.parts.feed_forward import MLP, FeedForward, GatedMLP
from anyformer.parts.linear import Linear
from anyformer.parts.place import Place
from anyformer.parts.router import Router
from anyformer.spec import spec


class MoE(FeedForward):
    """y = sum_e w_e expert_e(x) + shared(x), e the experts that the router chose for x (Shazeer et al. 2017, equation 1; DeepSeek-AI 2024, equation 12).

    A token that found no place, and padding, gets nothing from the experts: the residual carries it.
    """

    @spec
    class Config(FeedForward.Config):
        expert: FeedForward.Config
        n_experts: int
        router: Router.Config
        shared: FeedForward.Config | None = None  # computes every token

        def problems(self) -> Iterator[tuple[str, str]]:
            if not isinstance(self.expert, (MLP.Config, GatedMLP.Config)):
                yield "expert", f"an expert is an MLP or a GatedMLP, not {self.expert.kind()}"
            if isinstance(self.shared, MoE.Config):
                yield "shared", "computes every token, so it is no MoE; take an MLP or a GatedMLP"
            if self.n_experts < 1:
                yield "n_experts", f"there is at least one expert, not {self.n_experts}"
            else:
                yield from ((f"router.{field}", message) for field, message in self.router.misfits(self.n_experts))

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        assert isinstance(config.expert, (MLP.Config, GatedMLP.Config))
        self.router: Router = config.router.build(d_model, config.n_experts)
        self.experts = Experts(config.expert, config.n_experts, d_model, min(1.0, config.router.experts_per_token(config.n_experts) / config.n_experts))
        self.shared: FeedForward | None = None if config.shared is None else config.shared.build(d_model)

    def forward(self, x: Tensor, place: Place) -> tuple[Tensor, Aux]:
        tokens = x.flatten(0, 1)  # [M, D]
        token, groups, weight, aux = self.router(x, place.segment)
        copies = self.experts(tokens.index_select(0, token), groups)  # [R, D]
        y = torch.zeros_like(tokens).index_add(0, token, copies * weight.to(x.dtype).unsqueeze(1)).view_as(x)
        return y if self.shared is None else y + self.shared(x, place)[0], aux


class OutputGate(FeedForward):
    """sigmoid(w x) * inner(x), one number a token: how Qwen2-MoE weighs its shared expert (Yang et al. 2024)."""

    @spec
    class Config(FeedForward.Config):
        inner: FeedForward.Config

        def problems(self) -> Iterator[tuple[str, str]]:
            if isinstance(self.inner, MoE.Config):
                yield "inner", "an MoE has a router of its own; give an MLP or a GatedMLP"

        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            return [(f"inner.{field}", message) for field, message in self.inner.misfits(d_model)]

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.inner: FeedForward = config.inner.build(d_model)
        self.gate = Linear(d_model, 1, bias=False)

    def forward(self, x: Tensor, place: Place) -> tuple[Tensor, Aux | None]:
        return torch.sigmoid(self.gate(x)) * self.inner(x, place)[0], None
