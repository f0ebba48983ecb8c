"""Progress for people: a bar in a terminal, a plain line every `log_every` steps elsewhere."""

from __future__ import annotations

import sys
from typing import IO, Any

from anyformer.training.observers.observer import Now, Observer


class Console(Observer):
    """Shows loss, tokens/s and time left.

    Args:
        stream: where to; a bar is drawn only where it is a terminal and the package `rich` is there.
    """

    def __init__(self, stream: IO[str] | None = None):
        self._stream = stream or sys.stderr
        self._first: Now | None = None
        self._now = Now(0, 0.0, 0.0, None)
        self._line: dict[str, Any] = {}
        self._bar: Any = None
        self._task: Any = None

    def rewind(self, step: int) -> None:
        self._line = {}
        if self._bar is None and self._stream.isatty():
            self._open()

    def stepped(self, now: Now) -> None:
        self._first = self._first or now
        self._now = now
        if self._bar is not None:
            self._bar.update(self._task, completed=now.fraction, text=f"step {now.step:,}{_of(now)}  {_short(self._line)}{self._left()}")

    def logged(self, line: dict[str, Any]) -> None:
        self._line = line
        if self._bar is None:
            self.print(f"step {line['step']}{_of(self._now)} | {_long(line)}{self._left(' | ')}")

    def validated(self, line: dict[str, Any]) -> None:
        values = " | ".join(f"{name} {_number(value)}" for name, value in line["validation"].items())
        self.print(f"step {line['step']} | validation{' of ' + line['weights'] if 'weights' in line else ''}: {values}")

    def notice(self, message: str) -> None:
        self.print(f"note: {message}")

    def print(self, text: str) -> None:
        """A line above the bar; also for what others have to say while it runs."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _open(self) -> None:
        try:
            from rich.console import Console as Terminal  # optional, and only where somebody looks
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        except ImportError:
            return
        self._bar = Progress(BarColumn(30), TaskProgressColumn(), TextColumn("{task.fields[text]}"), console=Terminal(file=self._stream), refresh_per_second=4)
        self._task = self._bar.add_task("", total=1.0, text="")
        self._bar.start()

    def _left(self, before: str = "  ") -> str:
        """Time left, from the speed of this process."""
        first, now = self._first, self._now
        if first is None or now.fraction <= first.fraction:
            return ""
        return f"{before}{_clock((1 - now.fraction) * (now.elapsed - first.elapsed) / (now.fraction - first.fraction))} left"


def _of(now: Now) -> str:
    return f"/{now.max_steps:,}" if now.max_steps else ""


def _short(line: dict[str, Any]) -> str:
    return f"loss {line['loss']:.3f}  {line['tokens_per_second']:,.0f} tokens/s" if line else ""


def _long(line: dict[str, Any]) -> str:
    values = f"epoch {line['epoch']:.2f} | loss {line['loss']:.4f} | ppl {line['ppl']:.2f} | lr {line['lr']:.3e} | grad_norm {line['grad_norm']:.3f}"
    if "load" in line:
        values += f" | experts: aux {line['aux_loss']:.4f}, busiest {line['load']:.2f} x the mean, dropped {line['dropped']:.1%}"
    return f"{values} | {line['tokens_per_second']:,.0f} tokens/s"


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
