"""What a feed-forward layer with experts says beside its output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Aux(NamedTuple):
    """Of one layer and one forward pass; padding counts in none of it."""

    loss: Tensor  # scalar, fp32: to be added to the loss a target; already weighted
    load: Tensor  # [E] fp32: share of the routed copies that each expert was given, dropped ones included; sums to 1
    dropped: Tensor  # scalar, fp32: share of the routed copies that found no place


SUMMARY = ("aux_loss", "dropped", "load")


def summary(told: Sequence[Aux]) -> Tensor:
    """[3] of all layers, in the order of SUMMARY: the losses' sum; the mean share dropped; the busiest expert's tokens over the mean expert's, their mean."""
    busiest = [aux.load.max() * aux.load.shape[0] for aux in told]
    return torch.stack([torch.stack([aux.loss for aux in told]).sum(), torch.stack([aux.dropped for aux in told]).mean(), torch.stack(busiest).mean()]).detach()
