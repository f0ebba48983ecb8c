"""Which expert computes which token. Shapes: x [B, T, D], M = B T tokens, k choices of each, E experts, R copies that are computed.

A router's scores are fp32, whatever x is (Fedus et al. 2021, section 2.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from anyformer.parts.auxiliary import Aux
from anyformer.parts.experts import Groups
from anyformer.parts.linear import apply_linear
from anyformer.parts.part import Part, PartConfig

if TYPE_CHECKING:
    from anyformer.parts.init import Init


class Routing(NamedTuple):
    """Copies of tokens on their way to experts, sorted by expert."""

    token: Tensor  # [R] int64: which of the M tokens
    groups: Groups
    weight: Tensor  # [R] fp32: the copy's share in the token's output; 0 for one that stands for nothing
    aux: Aux


class Router(Part):
    """Slot: build(d_model, n_experts). forward(x [B, T, D], segment [B, T] | None) -> Routing."""

    class Config(PartConfig):
        def misfits(self, n_experts: int) -> list[tuple[str, str]]:
            return []

        def experts_per_token(self, n_experts: int) -> float:
            """How many experts compute a token, at most or on average."""
            raise NotImplementedError

        @property
        def sums_to_one(self) -> bool:
            """Whether the weights of every token's experts sum to 1, and none is dropped: experts that are equal are then one layer."""
            return False

    def __init__(self, d_model: int, n_experts: int, bias: bool = False):
        super().__init__()
        self.n_experts = n_experts
        self.weight = nn.Parameter(torch.empty(n_experts, d_model))
        self.bias = nn.Parameter(torch.zeros(n_experts)) if bias else None

    def initialize(self, init: Init) -> None:
        init.matrix(self.weight)

    def forward(self, x: Tensor, segment: Tensor | None) -> Routing:
        raise NotImplementedError

    def scores(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [M, E] fp32"""
        weight, bias = self.weight.float(), None if self.bias is None else self.bias.float()
        return apply_linear(x.flatten(0, 1).float(), weight, bias)


def real_tokens(segment: Tensor | None) -> Tensor | None:
    """[M] bool, False for padding; None: all are real."""
    return None if segment is None else (segment != 0).flatten()


def sent(expert: Tensor, weight: Tensor, n_experts: int, some_nowhere: bool) -> tuple[Tensor, Groups, Tensor]:
    """The fields token, groups and weight of a routing, for expert [M, k] and weight [M, k]; E is nowhere.

    What goes nowhere is cut off where the host may wait for the number; elsewhere (a GPU, a compiled graph) it goes to the last expert with weight 0.
    """
    flat, order = expert.reshape(-1).sort(stable=True)
    ends = torch.searchsorted(flat, torch.arange(n_experts, device=flat.device), right=True, out_int32=True)
    weight = weight.reshape(-1).index_select(0, order)
    if some_nowhere and flat.device.type == "cpu" and not torch.compiler.is_compiling():
        n = int(ends[-1])
        flat, order, weight = flat[:n], order[:n], weight[:n]
    elif some_nowhere:
        weight = torch.where(flat < n_experts, weight, 0.0)
        ends = torch.cat([ends[:-1], ends.new_full((1,), flat.shape[0])])
        flat = flat.clamp(max=n_experts - 1)
    return order // expert.shape[1], Groups(ends, flat), weight
