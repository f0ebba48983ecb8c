"""Experts computed together: rows sorted by expert, one grouped product a map, no loop over experts.

Shapes: E experts, R rows (copies of tokens, sorted by expert), D model, F d_ff.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anyformer.parts.dropout import Dropout
from anyformer.parts.feed_forward import MLP, GatedMLP

if TYPE_CHECKING:
    from anyformer.parts.init import Init


class Groups(NamedTuple):
    """Which rows are which expert's."""

    ends: Tensor  # [E] int32: expert e has the rows from ends[e - 1] to ends[e]; ends[-1] = R
    expert: Tensor  # [R] int64: of each row, ascending


class GroupedLinear(nn.Module):
    """y_r = W_e x_r + b_e, e the expert of row r; weight [E, out, in]."""

    def __init__(self, n_experts: int, d_in: int, d_out: int, bias: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_experts, d_out, d_in))
        self.bias = nn.Parameter(torch.zeros(n_experts, d_out)) if bias else None

    def initialize(self, init: Init) -> None:
        init.matrix(self.weight)

    def forward(self, x: Tensor, groups: Groups) -> Tensor:
        """[R, in] -> [R, out]"""
        y = grouped_product(x, self.weight.to(x.dtype), groups.ends)
        return y if self.bias is None else y + self.bias.to(x.dtype).index_select(0, groups.expert)


class Experts(nn.Module):
    """E feed-forward layers of one config, their parameters stacked [E, ...]."""

    def __init__(self, config: MLP.Config | GatedMLP.Config, n_experts: int, d_model: int, active_share: float):
        """`active_share`: of the experts, how many work for one token; what counting parameters and operations reads."""
        super().__init__()
        self.active_share = active_share
        self.activation = config.activation
        self.gate = GroupedLinear(n_experts, d_model, config.d_ff, config.bias) if isinstance(config, GatedMLP.Config) else None
        self.up = GroupedLinear(n_experts, d_model, config.d_ff, config.bias)
        self.down = GroupedLinear(n_experts, config.d_ff, d_model, config.bias)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, groups: Groups) -> Tensor:
        """x [R, D] -> [R, D]: each row through its expert."""
        hidden = self.up(x, groups)  # [R, F]
        hidden = self.activation(hidden) if self.gate is None else self.activation(self.gate(x, groups)) * hidden
        return self.down(self.dropout(hidden), groups)


def grouped_product(x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
    """Rows [R, in], sorted by expert, times the map of each [E, out, in]: [R, out].

    torch's grouped product takes strides of whole 16 bytes, so odd widths are padded. On a CPU it is as fast as one product of equal work, however
    uneven the load (8 experts, 8192 rows: 13.0 ms against 12.7); blocks of equal size in a batched product took twice as long, and copied weights.
    """
    d_out, d_in = weight.shape[1:]
    step = 16 // x.element_size()
    if d_in % step or d_out % step:
        x, weight = F.pad(x, (0, -d_in % step)), F.pad(weight, (0, -d_in % step, 0, -d_out % step))
    multiply = F.grouped_mm if x.is_cuda and x.dtype == torch.bfloat16 else _outside_of_graphs
    return multiply(x, weight.transpose(1, 2), offs=ends)[:, :d_out]


def _outside_of_graphs(x: Tensor, weight: Tensor, offs: Tensor) -> Tensor:
    """torch.compile knows the grouped product of bf16 only, and on CPUs not its way back (torch 2.13).

    No decorator: that would import the compiler with this file, which takes as long as torch itself.
    """
    multiply = torch.compiler.disable(F.grouped_mm) if torch.compiler.is_compiling() else F.grouped_mm
    return multiply(x, weight, offs=offs)
