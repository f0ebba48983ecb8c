"""Guard, clock, precision, allocator, configs: each alone."""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from anyformer.errors import ConfigError
from anyformer.training import Limits, Noam, Rollback, Step, TrainConfig, choose_precision, matrix_shapes, precision
from anyformer.training.clock import Clock
from anyformer.training.config import Checkpoints
from anyformer.training.guard import Record, find_fault


def records(*losses: float) -> list[Record]:
    return [Record(step, step - 1, 1.0, loss, 1.0) for step, loss in enumerate(losses, 1)]


def test_a_leap_is_measured_against_the_median() -> None:
    steady = records(*[4.0] * 20)
    assert find_fault(Rollback(factor=2.0), [], steady + [Record(21, 20, 1.0, 7.9, 1.0)]) is None
    fault = find_fault(Rollback(factor=2.0), [], steady + [Record(21, 20, 1.0, 8.1, 1.0)])
    assert fault and fault.record.step == 21 and "leapt to 8.1 nats, above 2 x 4" in fault.reason


def test_small_losses_may_double() -> None:
    assert find_fault(Rollback(factor=2.0), [0.01] * 50, records(0.5, 1.9)) is None
    assert find_fault(Rollback(factor=2.0), [0.01] * 50, records(2.1)) is not None


def test_the_start_of_training_is_let_be() -> None:
    assert find_fault(Rollback(), [], records(1.0, 100.0)) is None


def test_a_fault_does_not_depend_on_how_many_are_looked_at() -> None:
    losses = [5.0 - 0.05 * i for i in range(60)] + [40.0] + [2.0] * 5
    at_once, history = find_fault(Rollback(window=20), [], records(*losses)), []
    one_by_one = next(f for r in records(*losses) if (f := find_fault(Rollback(window=20), history, [r])))
    assert at_once == one_by_one and at_once.record.step == 61
    assert len(history) == 20


@pytest.mark.parametrize("record", [Record(1, 0, 1.0, float("nan"), 1.0), Record(1, 0, 1.0, 1.0, float("inf"))])
def test_what_is_not_finite_is_a_fault(record: Record) -> None:
    fault = find_fault(Rollback(), [], [record])
    assert fault and "is not finite" in fault.reason


def test_the_clock_repeats_what_it_said(tmp_path: Path) -> None:
    journal = tmp_path / "clock.txt"
    clock = Clock(100.0, journal)
    said = [clock.at(key) for key in ("0:0", "0:1", "0:2")]
    assert 100.0 <= said[0] < said[1] < said[2] < 110.0
    clock.close()
    journal.write_text(journal.read_text() + "0:3 10")  # a kill cut this line short
    again = Clock(0.0, journal, fresh=False)
    assert [again.at("0:1"), again.at("0:2")] == said[1:]
    assert said[2] < again.at("0:3") < said[2] + 10.0  # it goes on from there
    again.close()
    assert [line.split()[0] for line in journal.read_text().splitlines()] == ["0:0", "0:1", "0:2", "0:3"]
    Clock(0.0, journal).close()
    assert journal.read_text() == ""


def test_precision_goes_by_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, chosen in (((2.0, 1.0), "bf16"), ((1.1, 1.0), "fp32"), ((1.0, 5.0), "fp32")):
        monkeypatch.setattr(precision, "_seconds", lambda *a, seconds=seconds: seconds)
        choice = choose_precision("cpu", [(8, 8)])
        assert choice.precision == chosen and f"bf16 is {seconds[0] / seconds[1]:.1f} x as fast as fp32 on this CPU" in choice.reason


def test_precision_measures_the_linear_of_the_model() -> None:
    seen = []

    def linear(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        seen.append((w.dtype, tuple(w.shape)))
        return nn.functional.linear(x, w)

    choice = choose_precision("cpu", [(16, 8), (16, 8), (4000, 8)], linear)
    assert choice.precision in ("fp32", "bf16") and "measured" in choice.reason
    assert {s for _, s in seen} == {(16, 8), (1024, 8)} and {d for d, _ in seen} == {torch.float32, torch.bfloat16}
    assert choose_precision("cpu", []).precision == "fp32"


def test_matrix_shapes() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5))
    model.register_parameter("experts", nn.Parameter(torch.zeros(4, 6, 7)))
    assert sorted(matrix_shapes(model)) == [(5, 3)] + [(6, 7)] * 4


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_freed_memory_is_kept() -> None:
    """After the call, a large block that is freed and asked for again is the same memory, without new page faults."""
    program = (
        "import resource, sys\n"
        "from anyformer.training.allocator import keep_freed_memory\n"
        "if sys.argv[1] == 'keep': assert keep_freed_memory()\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "blocks = [bytearray(32 << 20) for _ in range(3)]\n"
        "before = faults()\n"
        "for _ in range(10):\n    del blocks\n    blocks = [bytearray(32 << 20) for _ in range(3)]\n"
        "print(faults() - before)\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    faults = {}
    for how in ("keep", "leave"):
        done = subprocess.run([sys.executable, "-c", program, how], capture_output=True, text=True, env=environment, check=True)
        faults[how] = int(done.stdout)
    assert faults["keep"] < faults["leave"] / 10


def test_a_config_round_trips_and_tells_all_problems() -> None:
    config = TrainConfig(max_steps=3, limits=Limits(patience=2), checkpoints=Checkpoints(keep=None, ema=0.9), step=Step(clip=None))
    assert TrainConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError) as caught:
        TrainConfig.from_dict({"max_steps": 0, "save_every": -1, "schedule": {"kind": "Noam", "d_model": 8}, "optimizer": {"kind": "AdamW", "lr": 1e-3}})
    assert [p.path for p in caught.value.problems] == ["max_steps", "save_every", "optimizer.lr"]
    with pytest.raises(ConfigError, match="ema: must lie between 0 and 1"):
        Checkpoints(ema=1.0)
    assert dataclasses.replace(config, schedule=Noam(d_model=8), optimizer=dataclasses.replace(config.optimizer, lr=1.0))


def test_precision_is_measured_with_as_many_rows_as_a_step_has_or_fewer_for_large_matrices() -> None:
    seen: set[tuple[int, ...]] = set()

    def linear(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        seen.add((x.shape[0], *w.shape))
        return x @ w.T

    choose_precision("cpu", [(128, 128), (5000, 128), (1024, 1024)], linear)
    assert seen == {(2048, 128, 128), (2048, 1024, 128), (256, 1024, 1024)}
