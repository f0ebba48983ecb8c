"""`Part`: an `nn.Module` that is built from its own nested `Config`.

A slot is a `Part` without a constructor of its own (`Norm`, `FeedForward`): its `Config` is the menu of everything that
subclasses it. Defining a subclass with a `Config` is the whole registration.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from anyformer.errors import ConfigError, Problem
from anyformer.spec import Spec

MOST = 10**9  # of anything that a size can say: of tensors with two such dimensions the bytes can still be counted in 64 bits


class PartConfig(Spec):
    """Base of all nested `Config`s; `part` is the class that it builds."""

    part: ClassVar[type[Part]]

    def __post_init__(self) -> None:
        huge = [Problem(name, too_large(value)) for name, value in vars(self).items() if isinstance(value, int) and value > MOST]
        if huge:
            raise ConfigError(*huge)
        super().__post_init__()

    def build(self, *args: Any, **kwargs: Any) -> Any:
        """The part, with what its parent supplies (dimensions) as arguments; see the part's `__init__`."""
        return self.part(self, *args, **kwargs)

    def guarantees(self) -> frozenset[str]:
        """Which of "causal", "cached", "packed", "batched" hold for the part with this config (`parts.guarantees` says what they mean)."""
        return self.part.guarantees


def too_large(value: int) -> str:
    return f"{value} is more than a model can have of anything; take at most {MOST}"


class Part(nn.Module):
    """A piece of a model. `__init__(config, ...)` takes its config and what the parent supplies.

    A part that changes as training goes on, though not by gradients, has a method `after_step(step)`, which the trainer calls after each update,
    counted from 1, in all processes alike. What it carries is in buffers; random numbers it draws from torch's default generator (on the CPU),
    which then is a function of (seed, step).
    """

    Config: ClassVar[type[PartConfig]] = PartConfig
    summed: ClassVar[tuple[str, ...]] = ()  # buffers that are summed over the processes before `after_step`
    guarantees: ClassVar[frozenset[str]] = frozenset({"causal", "cached", "packed", "batched"})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "Config" in cls.__dict__:
            cls.Config.part = cls


def compute_dtype(device_type: str, default: torch.dtype) -> torch.dtype:
    """What `torch.autocast` asks for on this device, else `default` (the parameters' own)."""
    return torch.get_autocast_dtype(device_type) if torch.is_autocast_enabled(device_type) else default
