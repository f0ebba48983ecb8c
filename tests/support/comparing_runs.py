"""Whether two runs are the same, bit by bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anyformer.checkpoint import load_step, step_names
from anyformer.training import TIME_FIELDS, read_metrics


def metrics_but_for_time(folder: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in TIME_FIELDS} for line in read_metrics(folder / "metrics.jsonl")]


def assert_same_runs(a: Path, b: Path) -> None:
    """Steps, weights, optimizer, averages, state (but for elapsed time) and metrics (but for fields of time) are equal."""
    assert step_names(a) == step_names(b)
    for name in [*step_names(a), *(n for n in ("average", "ema") if (a / n).exists() or (b / n).exists())]:
        one, other = load_step(a / name), load_step(b / name)
        assert one.parts == other.parts
        for part in one.parts:
            assert (a / name / f"{part}.safetensors").read_bytes() == (b / name / f"{part}.safetensors").read_bytes(), (name, part)
        assert _timeless(one.state) == _timeless(other.state), name
    assert (a / "best").read_text() == (b / "best").read_text()
    assert metrics_but_for_time(a) == metrics_but_for_time(b)


def _timeless(state: dict[str, Any]) -> dict[str, Any]:
    trainer = {k: v for k, v in state.get("trainer", {}).items() if k != "elapsed"}
    return state | {"trainer": trainer}
