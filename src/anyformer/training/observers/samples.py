"""Sample texts as they improve: what the model makes of some fixed inputs at each validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from anyformer.checkpoint.folder import step_name
from anyformer.training.observers.observer import Observer


class Samples(Observer):
    """Writes `folder/step-000500.txt` and shows the same lines.

    Args:
        produce: () -> lines, made with the model as it is (a closure over it).
        folder: where the files go; None: nowhere.
        show: called with the step and the lines; None: not shown.
    """

    def __init__(self, produce: Callable[[], Sequence[str]], folder: Path | None = None, show: Callable[[int, Sequence[str]], None] | None = None):
        self._produce, self._folder, self._show = produce, folder, show

    def rewind(self, step: int) -> None:
        if self._folder is not None:
            for path in self._folder.glob("step-*.txt"):
                if path.stem > step_name(step):
                    path.unlink()

    def validated(self, line: dict[str, Any]) -> None:
        if "weights" in line:
            return
        lines = self._produce()
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{step_name(line['step'])}.txt").write_text("".join(text + "\n" for text in lines), encoding="utf-8")
        if self._show is not None:
            self._show(line["step"], lines)
