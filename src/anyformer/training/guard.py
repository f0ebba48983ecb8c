"""Finds the step at which training went wrong: a loss or gradient that is not finite, or a loss that leaps."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from anyformer.training.config import Spikes

_ENOUGH = 16  # losses before a median says anything
_LEAST_MEDIAN = 1.0  # nats


class Record(NamedTuple):
    """What is remembered of a step until it is logged."""

    step: int
    cursor: int  # which batch it saw
    weight: float  # targets, of all processes
    loss: float  # nats a target
    grad_norm: float
    experts: Sequence[float] = ()  # `parts.auxiliary.summary`, where there are experts


class Fault(NamedTuple):
    """The first step that went wrong, and how."""

    record: Record
    reason: str


def find_fault(config: Spikes, history: list[float], records: Iterable[Record]) -> Fault | None:
    """The first faulty record; the losses of those before it are appended to `history`, of which the last `config.window` stay.

    The answer does not depend on how many records are looked at at once.
    """
    for record in records:
        if not math.isfinite(record.loss) or not math.isfinite(record.grad_norm):
            return Fault(record, f"the {'gradient' if math.isfinite(record.loss) else 'loss'} of step {record.step} is not finite")
        if len(history) >= min(_ENOUGH, config.window):
            usual = max(statistics.median(history), _LEAST_MEDIAN)
            if record.loss > config.factor * usual:
                return Fault(record, f"the loss of step {record.step} leapt to {record.loss:.3g} nats, above {config.factor:g} x {usual:.3g}")
        history.append(record.loss)
        del history[: -config.window]
    return None
