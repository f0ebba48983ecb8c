"""How much of a run lies behind, and whether an end is reached."""

from __future__ import annotations

from typing import Literal

from anyformer.errors import ConfigError, Problem
from anyformer.training.config import TrainConfig
from anyformer.training.state import TrainState

Reason = Literal["max_steps", "max_minutes", "max_epochs", "max_tokens", "patience", "interrupted", "diverged"]


def fractions(config: TrainConfig, state: TrainState, epoch: float) -> dict[Reason, float]:
    """Share of each limit that is used up; 1 or more: reached."""
    limits = config.limits
    used: dict[Reason, float] = {}
    if config.max_steps is not None:
        used["max_steps"] = state.step / config.max_steps
    if config.max_minutes is not None:
        used["max_minutes"] = state.elapsed / (60 * config.max_minutes)
    if limits.max_epochs is not None:
        used["max_epochs"] = epoch / limits.max_epochs
    if limits.max_tokens is not None:
        used["max_tokens"] = state.tokens / limits.max_tokens
    return used


def reached(config: TrainConfig, state: TrainState, epoch: float) -> Reason | None:
    """The limit that is reached, if any."""
    for reason, fraction in fractions(config, state, epoch).items():
        if fraction >= 1:
            return reason
    patience = config.limits.patience
    return "patience" if patience is not None and state.evaluations_since_best >= patience else None


def progress(config: TrainConfig, state: TrainState, epoch: float) -> float:
    """Share of the run that lies behind, by the nearest limit; what schedules decay by."""
    return min(1.0, max(fractions(config, state, epoch).values()))


def check(config: TrainConfig) -> None:
    """Raises ConfigError where no end is set but, perhaps, patience."""
    if not any((config.max_steps, config.max_minutes, config.limits.max_epochs, config.limits.max_tokens)):
        ways = "max_steps, max_minutes, limits.max_epochs or limits.max_tokens"
        raise ConfigError(Problem("train.max_steps", f"training has no end: set one of {ways}"))
