"""What a feed-forward layer with experts says beside its output."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Aux(NamedTuple):
    """Of one layer and one forward pass; padding counts in none of it."""

    loss: Tensor  # scalar, fp32: to be added to the loss a target; already weighted
    load: Tensor  # [E] fp32: share of the routed copies that each expert was given, dropped ones included; sums to 1
    dropped: Tensor  # scalar, fp32: share of the routed copies that found no place
