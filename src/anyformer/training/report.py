"""What the trainer tells its observers, and the lines of metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from anyformer.parts.auxiliary import SUMMARY
from anyformer.training.observers import Observer
from anyformer.training.state import TrainState


class Report:
    """Tells every observer; measures the speed between two log lines (evaluations and saves not counted)."""

    def __init__(self, observers: Iterable[Observer]):
        self._observers = list(observers)
        self._tokens, self._seconds = 0, 0.0

    def tell(self, event: str, *what: Any) -> None:
        for observer in self._observers:
            getattr(observer, event)(*what)

    def say(self, message: str) -> None:
        self.tell("notice", message)

    def count(self, tokens: int, seconds: float) -> None:
        self._tokens += tokens
        self._seconds += seconds

    def log(self, state: TrainState, epoch: float, elapsed: float, final: bool) -> None:
        """A line for the steps in `state.window`."""
        window = state.window
        loss = math.fsum(r.loss * r.weight for r in window) / math.fsum(r.weight for r in window)
        line = {
            "step": state.step,
            "epoch": round(epoch, 6),
            "tokens": state.tokens,
            "loss": loss,
            "ppl": math.exp(min(loss, 700.0)),
            "lr": state.lr,
            "grad_norm": math.fsum(r.grad_norm for r in window) / len(window),
            "tokens_per_second": self._tokens / self._seconds if self._seconds else 0.0,
            "elapsed": elapsed,
        }
        told = [r.experts for r in window if r.experts]
        line |= {name: math.fsum(values) / len(told) for name, values in zip(SUMMARY, zip(*told, strict=True), strict=False)}
        self._tokens, self._seconds = 0, 0.0
        self.tell("logged", line | _mark(final))

    def validated(self, step: int, epoch: float, elapsed: float, metrics: dict[str, float], final: bool, weights: str | None) -> None:
        line = {"step": step, "epoch": round(epoch, 6), "validation": metrics} | ({"weights": weights} if weights else {})
        self.tell("validated", line | {"elapsed": elapsed} | _mark(final))


def _mark(final: bool) -> dict[str, Any]:
    return {"final": True} if final else {}
