"""The metrics for TensorBoard (`tensorboard --logdir runs`), where the package is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anyformer.training.observers.observer import Observer


class TensorBoard(Observer):
    """Event files in `folder`; without the package `tensorboard` it does nothing (`available` says so)."""

    def __init__(self, folder: Path):
        self._folder = Path(folder)
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter  # an optional extra, slow to import
        except ImportError:
            self._make = None
        else:
            self._make = SummaryWriter

    @property
    def available(self) -> bool:
        return self._make is not None

    def rewind(self, step: int) -> None:
        self.close()
        if self._make is not None:
            self._writer = self._make(str(self._folder), purge_step=step + 1)  # readers drop what earlier files say of later steps

    def logged(self, line: dict[str, Any]) -> None:
        self._write("train", {k: v for k, v in line.items() if k not in ("step", "final")}, line["step"])

    def validated(self, line: dict[str, Any]) -> None:
        self._write(f"validation_{line['weights']}" if "weights" in line else "validation", line["validation"], line["step"])

    def saving(self, step: int) -> None:
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, group: str, values: dict[str, Any], step: int) -> None:
        if self._writer is not None:
            for name, value in values.items():
                if isinstance(value, (int, float)):
                    self._writer.add_scalar(f"{group}/{name}", value, step)
