"""`anyformer train --processes 2`: killed and gone on with, stopped, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from comparing_runs import assert_same_runs

from anyformer.checkpoint import latest_step, load_step
from anyformer.distributed import World, threads
from anyformer.errors import InputError
from anyformer.run.train import train

TWO = ("--processes", "2", "--threads", "2")


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "anyformer", "train", *map(str, arguments), *TWO]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    return out


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    return [int(pid) for path in Path(f"/proc/{process.pid}/task").glob("*/children") for pid in path.read_text().split()]


def ended(pid: int) -> bool:
    """Within a minute; a process whose end nobody has asked for yet (state Z) has ended."""
    status = Path(f"/proc/{pid}/status")
    for _ in range(600):
        try:
            if "State:\tZ" in status.read_text():
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("optimizer", ["AdamW", "Muon"])
def test_a_killed_run_goes_on_bit_by_bit(recipe: Path, tmp_path: Path, optimizer: str) -> None:
    changes = (f"train.optimizer.kind={optimizer}", "model.dropout=0.1", "train.save_every=10", "train.max_steps=200")
    said = finish(start(recipe, "--out", tmp_path / "whole", *changes))
    assert "CPU with 2 processes of 1 thread each" in said
    killed = start(recipe, "--out", tmp_path / "killed", *changes)
    wait_for(tmp_path / "killed" / "step-000020", killed)
    [worker] = workers_of(killed)
    killed.kill()
    killed.communicate()
    assert ended(worker)
    finish(start("--resume", tmp_path / "killed", "--quiet"))
    assert_same_runs(tmp_path / "whole", tmp_path / "killed")


def test_ctrl_c_saves_and_says_how_to_go_on(recipe: Path, tmp_path: Path) -> None:
    process = start(recipe, "--out", tmp_path / "run", "train.max_steps=100000")
    wait_for(tmp_path / "run" / "step-000030", process)
    [worker] = workers_of(process)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGINT):
        os.kill(worker, number)  # only the first process is asked
    wait_for(tmp_path / "run" / "step-000300", process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 130 and "go on with: anyformer train --resume" in out
    saved = latest_step(tmp_path / "run")
    assert saved is not None and load_step(saved).state["processes"] == 2


def test_what_is_asked_for_is_planned(recipe: Path) -> None:
    with threads(6):
        planned = train(recipe, dry_run=True, processes=3, show="nothing").plan
    assert planned.to_dict()["processes"] == 3 and planned.computer() == "CPU with 3 processes of 2 threads each"
    assert json.dumps(planned.to_dict())


def test_no_process_is_none(recipe: Path) -> None:
    with pytest.raises(InputError, match="--processes: must be at least 1, is 0"):
        train(recipe, dry_run=True, processes=0, show="nothing")


def test_torchrun_and_processes_are_two_ways_to_say_it(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anyformer.run import train as module

    monkeypatch.setattr(module.World, "join", classmethod(lambda cls, device: World(0, 2)))
    with pytest.raises(InputError, match="--processes: torchrun has started 2 already"):
        train(recipe, dry_run=True, processes=3, show="nothing")
