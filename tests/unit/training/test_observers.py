"""What observers write and show."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from anyformer.training import Console, MetricsFile, Now, Samples, TensorBoard, read_metrics

LINE = {"step": 50, "epoch": 0.5, "tokens": 9, "loss": 2.0, "ppl": 7.4, "lr": 1e-3, "grad_norm": 0.5, "tokens_per_second": 12345.6, "elapsed": 3.0}


def test_metrics_are_cut_off_behind_the_restored_step(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics = MetricsFile(path)
    metrics.rewind(0)
    for step in (1, 2, 3):
        metrics.logged({"step": step})
    metrics.validated({"step": 2, "validation": {"loss": float("nan")}, "final": True})
    metrics.close()
    path.write_text(path.read_text() + '{"step": 2, "cut sho')
    metrics = MetricsFile(path)
    metrics.rewind(2)
    metrics.logged({"step": 3, "again": 1})
    assert read_metrics(path) == [{"step": 1}, {"step": 2}, {"step": 3, "again": 1}]
    metrics.rewind(0)
    assert read_metrics(path) == []


def test_metrics_are_json_also_where_a_value_is_not_finite(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "m")
    metrics.rewind(0)
    metrics.validated({"step": 1, "validation": {"loss": float("inf"), "bleu": 3.5}})
    metrics.close()
    assert json.loads((tmp_path / "m").read_text()) == {"step": 1, "validation": {"loss": None, "bleu": 3.5}}


def test_plain_lines_without_a_terminal() -> None:
    stream = io.StringIO()
    console = Console(stream)
    console.rewind(0)
    console.stepped(Now(25, 0.25, 10.0, 100))
    console.stepped(Now(50, 0.5, 20.0, 100))
    console.logged(LINE)
    console.validated({"step": 50, "validation": {"loss": 1.5}})
    console.notice("a rollback")
    console.close()
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("step 50/100 | epoch 0.50 | loss 2.0000 | ppl 7.40 | lr 1.000e-03") and lines[0].endswith("12,346 tokens/s | 0:00:20 left")
    assert lines[1:] == ["step 50 | validation: loss 1.5000", "note: a rollback"]


def test_a_bar_in_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    console = Console(stream)
    console.rewind(0)
    console.logged(LINE)
    console.stepped(Now(50, 0.5, 20.0, 100))
    console.stepped(Now(60, 0.6, 24.0, 100))
    console.print("a [bold]sample[/bold] as it is")
    console.close()
    shown = stream.getvalue()
    assert "60%" in shown and "loss 2.000" in shown and "12,346 tokens/s" in shown and "0:00:16 left" in shown
    assert "a [bold]sample[/bold] as it is" in shown


def test_samples(tmp_path: Path) -> None:
    shown: list[Any] = []
    samples = Samples(lambda: ["Un homme.", "中文"], tmp_path / "samples", lambda step, lines: shown.append((step, list(lines))))
    samples.validated({"step": 50, "validation": {}})
    samples.validated({"step": 100, "validation": {}})
    samples.validated({"step": 100, "validation": {}, "weights": "average"})
    assert (tmp_path / "samples" / "step-000050.txt").read_text(encoding="utf-8") == "Un homme.\n中文\n"
    assert [step for step, _ in shown] == [50, 100]
    samples.rewind(50)
    assert [p.name for p in (tmp_path / "samples").iterdir()] == ["step-000050.txt"]


def test_tensorboard(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    if not board.available:
        pytest.skip("needs the package tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board.rewind(0)
    board.logged(LINE)
    board.validated({"step": 50, "validation": {"loss": 1.5, "text": "not a number"}})
    board.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [e.value for e in events.Scalars("train/loss")] == [2.0] and [e.step for e in events.Scalars("validation/loss")] == [50]
