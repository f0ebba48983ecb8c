"""Attention whose scores are products of features: keys are summed into a state of fixed size, queries read it, so the cost is linear in length.

    out_t = sum_s w_ts (q_t k_s) v_s / sum_s w_ts (q_t k_s),   w_ts = exp(a_s + d_(s+1) + .. + d_t)

with features q_t and k_s, a key's own weight a_s, and what the state loses with each step, d_u <= 0 (a gate's; else 0). A query's weights are
divided by the largest that it may see so far. The largest of the whole row would let later keys move earlier outputs, by underflow.

Dimensions: B rows, T queries, S keys, N heads, F features, H head width. Everything is fp32.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anyformer.parts.reach import NOTHING


class Keys(NamedTuple):
    """What is to be summed."""

    features: Tensor  # [B, N, S, F]
    values: Tensor  # [B, N, S, H + 1], the last column 1: it sums the weights themselves
    weight: Tensor  # [B, N, S]: a, -inf where a key does not count
    decay: Tensor | None = None  # [B, N, S]: d; None: 0


class Sums(NamedTuple):
    """exp(-top) sum_s w_s k_s v_s over some keys."""

    products: Tensor  # [B, N, F, H + 1]
    top: Tensor  # [B, N]

    def join(self, other: Sums) -> Sums:
        """The sums over these and those keys."""
        top = torch.maximum(self.top, other.top)
        mine, theirs = ((s.top - top).exp()[..., None, None] * s.products for s in (self, other))
        return Sums(mine + theirs, top)


class Seen(NamedTuple):
    """What queries found: exp(-top) sum_s w_ts (q_t k_s) v_s."""

    sums: Tensor  # [B, N, T, H + 1]
    top: Tensor  # [B, N, T]

    def mean(self, floor: float) -> Tensor:
        """The output, [B, N, T, H]. A sum of weights below `floor` counts as that; a query that saw nothing gets 0."""
        return self.sums[..., :-1] / self.sums[..., -1:].clamp(min=floor)

    def join(self, other: Seen) -> Seen:
        """What was found here and there."""
        top = torch.maximum(self.top, other.top)
        return Seen(scale(self.sums, self.top - top) + scale(other.sums, other.top - top), top)


def add_up(keys: Keys) -> Sums:
    """The sums over all keys."""
    top = keys.weight.detach().amax(-1).clamp(min=NOTHING)
    return Sums(scale(keys.features, keys.weight - top.unsqueeze(-1)).transpose(-1, -2) @ keys.values, top)


def read(q: Tensor, sums: Sums) -> Seen:
    """Every query [B, N, T, F] sees all that was summed."""
    return Seen(q @ sums.products, sums.top.unsqueeze(-1).expand(q.shape[:-1]))


def scale(rows: Tensor, logarithm: Tensor) -> Tensor:
    """exp(logarithm) rows: [.., A, B] and [.., A]."""
    return rows * logarithm.exp().unsqueeze(-1)
