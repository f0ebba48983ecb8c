"""Where a run speaks: standard output, standard error, or nowhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, Literal

from anyformer.training import Console, Observer


class Screen:
    """Banner, progress, samples and report, in one place."""

    def __init__(self, show: Literal["stdout", "stderr", "nothing"]):
        self.stream: IO[str] | None = {"stdout": sys.stdout, "stderr": sys.stderr, "nothing": None}[show]
        self.console = Console(self.stream) if self.stream else None

    def say(self, text: str) -> None:
        if self.stream:
            print(text, file=self.stream, flush=True)

    def note(self, text: str) -> None:
        self.say(f"note: {text}")

    def observers(self) -> list[Observer]:
        return [self.console] if self.console else []

    def samples(self, step: int, lines: Sequence[str]) -> None:
        """Sample translations, above the progress bar."""
        if self.console:
            self.console.print("\n".join(lines))
