"""The recipe's section `train`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from anyformer.spec import Spec, spec
from anyformer.training.optimizers import AdamW, Optimizer
from anyformer.training.schedules import InverseSqrt, Noam, Schedule

Precision = Literal["fp32", "bf16"]


def _not_above(config: Spec, least: float, *names: str) -> Iterator[tuple[str, str]]:
    for name in names:
        value = getattr(config, name)
        if value is not None and not (value > least and math.isfinite(value)):
            yield name, f"must be above {least:g}, is {value}"


@spec
class Limits(Spec):
    """Ends of training beside `max_steps` and `max_minutes`; the first that is reached ends it."""

    max_epochs: float | None = None  # passes over the training data
    max_tokens: int | None = None  # source and target tokens that are not padding
    patience: int | None = None  # evaluations in a row without a better validation loss

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from _not_above(self, 0, "max_epochs", "max_tokens", "patience")


class Spikes(Spec):
    """What to do at a step whose loss or gradient is not finite, or whose loss leaps: the menu.

    A leap is a loss above `factor` times the median of the last `window` steps; a median below 1 nat counts as 1, because a small loss may well double.
    """

    factor: float
    window: int

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.factor > 1:
            yield "factor", f"must be above 1, is {self.factor}"
        if self.window < 1:
            yield "window", f"must be at least 1 step, is {self.window}"


@spec
class Rollback(Spikes):
    """Back to the last saved step, and on behind the batches up to the offending one (Chowdhery et al. 2022 section 5.1); stops at the (limit + 1)th time."""

    factor: float = 3.0
    window: int = 128
    limit: int = 5


@spec
class Stop(Spikes):
    """End the run with the reason; the steps saved before remain."""

    factor: float = 3.0
    window: int = 128


@spec
class Step(Spec):
    """How one step is computed, from batch to update."""

    accumulate: int = 1  # micro batches whose gradients are summed for one update
    clip: float | None = 1.0  # largest global norm of the gradient; None: not clipped
    label_smoothing: float = 0.0  # share of probability spread over the vocabulary (Vaswani et al. 2017 section 5.4: 0.1)
    z_loss: float = 0.0  # weight of log(Z)^2 (Chowdhery et al. 2022 section 5)
    r_drop: float = 0.0  # weight of the divergence between two dropouts of each batch (Liang et al. 2021: 5); 0: one pass, at half the cost
    compile: bool = False  # torch.compile; falls back loudly where it fails
    spikes: Spikes = Rollback()

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from _not_above(self, 0, "accumulate", "clip")
        if not 0 <= self.label_smoothing < 1:
            yield "label_smoothing", f"must be at least 0 and below 1, is {self.label_smoothing}"
        if self.z_loss < 0:
            yield "z_loss", f"must be at least 0, is {self.z_loss}"
        if self.r_drop < 0:
            yield "r_drop", f"must be at least 0, is {self.r_drop}"


class Average(Spec):
    """Which steps' weights are averaged at the end: the menu."""

    count: int

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from _not_above(self, 0, "count")


@spec
class LastSteps(Average):
    """The last `count` saved steps."""

    count: int = 5


@spec
class BestSteps(Average):
    """The `count` saved steps with the lowest validation loss."""

    count: int = 5


@spec
class Checkpoints(Spec):
    """What is kept of the run's steps, and what is made of them."""

    keep: int | None = 3  # how many of the last steps stay (beside the best); None: all
    average: Average | None = None  # weights saved as `average/` at the end
    ema: float | None = None  # decay of an exponential moving average of the weights, saved as `ema/` at the end; None: none

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from _not_above(self, 0, "keep")
        if self.ema is not None and not 0 < self.ema < 1:
            yield "ema", f"must lie between 0 and 1 (0.999 is usual), is {self.ema}"


@spec
class TrainConfig(Spec):
    """Everything about training that is neither data nor model. A trainer needs at least one end: steps, minutes, epochs or tokens."""

    max_steps: int | None = None  # updates
    max_minutes: float | None = None  # wall time of training, evaluations and saves included, summed over resumes
    limits: Limits = Limits()
    seed: int = 0
    save_every: int = 500  # steps
    evaluate_every: int = 500  # steps
    log_every: int = 50  # steps; the loss logged is the mean since the last line
    optimizer: Optimizer = AdamW()
    schedule: Schedule = InverseSqrt()
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: measured at the start, recorded in the run
    step: Step = Step()
    checkpoints: Checkpoints = Checkpoints()

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from _not_above(self, 0, "max_steps", "max_minutes", "save_every", "evaluate_every", "log_every")
        if isinstance(self.schedule, Noam) and self.optimizer.lr < 0.05:
            yield "optimizer.lr", f"is a factor of about 1 under Noam, whose rate is lr * d_model^-0.5 * ...; {self.optimizer.lr:g} would not train"
