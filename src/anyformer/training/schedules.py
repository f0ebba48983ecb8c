"""How the learning rate moves: rate(step) = optimizer.lr * schedule.factor(step, progress).

`step` counts updates from 1. `progress` in [0, 1) is how much of the run lies behind when the step begins, by the limit that is nearest
(steps, epochs, tokens or minutes), so that a run limited by time decays to its end as one limited by steps does.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from anyformer.errors import ConfigError, Problem
from anyformer.spec import Spec, spec


class Schedule(Spec):
    """The menu of schedules."""

    def factor(self, step: int, progress: float) -> float:
        """What the optimizer's learning rate is multiplied by at this step."""
        raise NotImplementedError

    def bind(self, d_model: int) -> Schedule:
        """The schedule for a model of this width; the same for those that do not depend on it."""
        return self


def _warmup(step: int, warmup_steps: int) -> float:
    return min(1.0, step / warmup_steps) if warmup_steps else 1.0


def _share_problems(name: str, value: float) -> Iterator[tuple[str, str]]:
    if not 0 <= value <= 1:
        yield name, f"must lie between 0 and 1, is {value}"


def _warmup_problems(warmup_steps: int, least: int = 0) -> Iterator[tuple[str, str]]:
    if warmup_steps < least:
        yield "warmup_steps", f"must be at least {least}, is {warmup_steps}"


@spec
class Noam(Schedule):
    """d_model^-0.5 * min(step^-0.5, step * warmup_steps^-1.5): Vaswani et al. 2017 section 5.3.

    The optimizer's `lr` is then a factor of about 1 and no learning rate: the peak is lr * (d_model * warmup_steps)^-0.5.
    """

    d_model: int | None = None  # None: the model's
    warmup_steps: int = 4000

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from _warmup_problems(self.warmup_steps, 1)
        if self.d_model is not None and self.d_model < 1:
            yield "d_model", f"must be at least 1, is {self.d_model}"

    def bind(self, d_model: int) -> Noam:
        return self if self.d_model is not None else dataclasses.replace(self, d_model=d_model)

    def factor(self, step: int, progress: float) -> float:
        if self.d_model is None:
            raise ConfigError(Problem("schedule.d_model", "is not known: give it, or let `bind` take the model's"))
        return self.d_model**-0.5 * min(step**-0.5, step * self.warmup_steps**-1.5)


@spec
class InverseSqrt(Schedule):
    """Linear to the peak in `warmup_steps`, then peak * sqrt(warmup_steps / step): Noam's shape with the peak as the optimizer's lr."""

    warmup_steps: int = 4000

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from _warmup_problems(self.warmup_steps, 1)

    def factor(self, step: int, progress: float) -> float:
        return min(step / self.warmup_steps, math.sqrt(self.warmup_steps / step))


@spec
class Cosine(Schedule):
    """Half a cosine from the peak to `final` of it (Loshchilov and Hutter 2017, without restarts), times a linear warm-up."""

    warmup_steps: int = 0
    final: float = 0.0

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from _warmup_problems(self.warmup_steps)
        yield from _share_problems("final", self.final)

    def factor(self, step: int, progress: float) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
        return _warmup(step, self.warmup_steps) * (self.final + (1 - self.final) * cosine)


@spec
class Linear(Schedule):
    """A straight line from the peak to `final` of it, times a linear warm-up (Devlin et al. 2019 appendix A.2)."""

    warmup_steps: int = 0
    final: float = 0.0

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from _warmup_problems(self.warmup_steps)
        yield from _share_problems("final", self.final)

    def factor(self, step: int, progress: float) -> float:
        return _warmup(step, self.warmup_steps) * (1 - (1 - self.final) * min(progress, 1.0))


@spec
class WarmupStableDecay(Schedule):
    """Linear warm-up, constant, then down to `final` over the last `decay` share of the run as 1 - sqrt (Hu et al. 2024 section 4.2; Hägele et al. 2024)."""

    warmup_steps: int = 0
    decay: float = 0.2
    final: float = 0.0

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from _warmup_problems(self.warmup_steps)
        yield from _share_problems("decay", self.decay)
        yield from _share_problems("final", self.final)

    def factor(self, step: int, progress: float) -> float:
        into = (min(progress, 1.0) - (1 - self.decay)) / self.decay if self.decay else 0.0  # share of the decay that lies behind
        down = 1 - math.sqrt(max(into, 0.0))
        return _warmup(step, self.warmup_steps) * (self.final + (1 - self.final) * down)
