"""Ctrl-C and SIGTERM: the first asks for an end behind the current step, a second Ctrl-C aborts at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While the `with` block runs, `asked` tells whether somebody wants it to end. Outside the main thread it is never asked, nor if it is `deaf`."""

    def __init__(self, say: Callable[[str], None] = lambda message: None, deaf: bool = False):
        self.asked = False
        self._deaf = deaf
        self._say = say
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if not self._deaf and threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._handle) for s in _SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return  # torchrun and schedulers repeat SIGTERM
        self.asked = True
        self._say("stopping: this step is finished and saved first" + ("; Ctrl-C again aborts at once" if number == signal.SIGINT else ""))
