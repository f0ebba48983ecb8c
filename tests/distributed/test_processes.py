"""Two processes on CPUs (gloo) train the model that one process trains."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_training
import torch
from comparing_runs import assert_same_runs, metrics_but_for_time

from anyformer.checkpoint import load_step, step_names
from anyformer.distributed import World
from anyformer.errors import InputError
from anyformer.training import AdamW, Checkpoints, Cosine, Muon, Optimizer, Step, TrainConfig

CONFIG = TrainConfig(
    max_steps=14,
    save_every=4,
    evaluate_every=7,
    log_every=3,
    optimizer=AdamW(lr=0.02),
    schedule=Cosine(warmup_steps=2),
    precision="fp32",
    step=Step(accumulate=2),
    checkpoints=Checkpoints(ema=0.9),
)


def train(folder: Path, config: TrainConfig, processes: int) -> list[dict[str, float]]:
    """Trains as torchrun would; what each process says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    started = []
    for rank in range(processes):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = os.environ | place | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, tiny_training.__file__, str(folder), json.dumps(config.to_dict())]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    said = []
    for process in started:
        out, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors
        said.append(json.loads(out))
    return said


@pytest.mark.parametrize("optimizer", [AdamW(lr=0.02), Muon(lr=0.02)], ids=["AdamW", "Muon"])
def test_two_processes_equal_one(tmp_path: Path, optimizer: Optimizer) -> None:
    config = replace(CONFIG, optimizer=optimizer)
    one, two = train(tmp_path / "one", config, 1), train(tmp_path / "two", config, 2)
    assert two[0]["weights"] == two[1]["weights"]  # the processes agree to the last bit
    assert one[0]["weights"] == pytest.approx(two[0]["weights"], rel=1e-4)
    assert step_names(tmp_path / "one") == step_names(tmp_path / "two")
    for part in ("model", "optimizer", "ema"):
        a, b = (load_step(tmp_path / name / "step-000014").tensors(part) for name in ("one", "two"))
        for name in a:
            torch.testing.assert_close(a[name], b[name], rtol=1e-3, atol=1e-5)
    for a, b in zip(metrics_but_for_time(tmp_path / "one"), metrics_but_for_time(tmp_path / "two"), strict=True):
        assert a.keys() == b.keys() and (a["step"], a.get("tokens")) == (b["step"], b.get("tokens"))
        assert a.get("loss", 0.0) == pytest.approx(b.get("loss", 0.0), rel=1e-4)


def test_two_processes_resume_bit_by_bit(tmp_path: Path) -> None:
    steady = TrainConfig.from_dict(CONFIG.to_dict() | {"schedule": {"kind": "Cosine", "final": 1.0}})
    train(tmp_path / "a", steady.override("max_steps", 6), 2)
    train(tmp_path / "a", steady, 2)
    train(tmp_path / "b", steady, 2)
    assert_same_runs(tmp_path / "a", tmp_path / "b")


def test_alone_everything_is_what_it_was() -> None:
    world = World.join(environment={})
    assert (world.rank, world.size, world.first) == (0, 1, True)
    assert world.sum([1.5, 2.0]) == [1.5, 2.0] and world.share({"a": 1}) == {"a": 1}


def test_half_an_environment_is_refused() -> None:
    with pytest.raises(InputError, match="MASTER_ADDR: is not set, but WORLD_SIZE is 2"):
        World.join(environment={"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"})
