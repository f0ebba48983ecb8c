"""How training ended, as a value and in words."""

from __future__ import annotations

from dataclasses import dataclass

from anyformer.errors import counted
from anyformer.training.config import TrainConfig
from anyformer.training.ends import Reason
from anyformer.training.state import TrainState


@dataclass(frozen=True)
class Result:
    """How training ended. `reason` is the limit that was reached, or `interrupted`, or `diverged`; `message` says it in words."""

    reason: Reason
    message: str
    step: int
    tokens: int
    elapsed: float  # seconds, summed over resumes
    validation: dict[str, float] | None  # of the last evaluation in this process

    @property
    def finished(self) -> bool:
        return self.reason not in ("interrupted", "diverged")


def result_of(config: TrainConfig, state: TrainState, reason: Reason, why: str, validation: dict[str, float] | None) -> Result:
    """The result at this state; `why` says what diverged."""
    return Result(reason, _in_words(reason, why, config, state), state.step, state.tokens, state.elapsed, validation)


def _in_words(reason: Reason, why: str, config: TrainConfig, state: TrainState) -> str:
    words = {
        "max_steps": f"{_done(config.max_steps, 'step')} done",
        "max_minutes": f"{_done(config.max_minutes, 'minute')} over",
        "max_epochs": f"{_done(config.limits.max_epochs, 'epoch')} done",
        "max_tokens": f"{counted(config.limits.max_tokens or 0, 'token')} seen",
        "patience": f"the validation loss did not fall in {counted(config.limits.patience or 0, 'evaluation')}; the best was step {state.best_step}",
        "interrupted": f"interrupted; step {state.step} is saved",
        "diverged": f"training diverged: {why}; lower train.optimizer.lr, or resume from the last good step",
    }
    return words[reason]


def _done(n: float | None, what: str) -> str:
    """`1 step is`, `60 steps are`."""
    return f"{counted(n or 0, what)} {'is' if n == 1 else 'are'}"
