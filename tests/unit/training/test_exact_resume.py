"""A run that is killed at random moments, also in the middle of a save, and resumed is the run that was not killed, bit by bit."""

from __future__ import annotations

import dataclasses
import multiprocessing
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import tiny_training
from comparing_runs import assert_same_runs, metrics_but_for_time
from tiny_training import leaping_loss, make_trainer

from anyformer.checkpoint import step_names
from anyformer.training import AdamW, Checkpoints, Cosine, LastSteps, Limits, Muon, Rollback, Step, TrainConfig, WarmupStableDecay

FULL = TrainConfig(
    max_steps=150,
    limits=Limits(patience=200),
    save_every=3,
    evaluate_every=4,
    log_every=5,
    optimizer=Muon(lr=0.01, weight_decay=0.01),
    schedule=Cosine(warmup_steps=20),
    precision="fp32",
    step=Step(accumulate=2, spikes=Rollback(limit=10**6)),
    checkpoints=Checkpoints(keep=3, average=LastSteps(count=3), ema=0.95),
)


# Every process is forked from one that has imported everything, so that many can be started and killed.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["anyformer.training"])


def run(folder: Path, config: TrainConfig, kill_after: float | None = None, **options: Any) -> bool:
    """Trains in a process of its own, which gets SIGKILL after so many seconds of training; whether it came to its end."""
    before = _traces(folder)
    process = PROCESSES.Process(target=tiny_training.train, args=(str(folder), config.to_dict()), kwargs=options)
    process.start()
    if kill_after is not None:
        while process.is_alive() and _traces(folder) == before:  # it has not begun
            time.sleep(0.001)
        time.sleep(kill_after)
        process.kill()
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode == 0


def _traces(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def test_killed_at_random_moments(tmp_path: Path) -> None:
    chance = random.Random(20)
    kills = in_save = 0
    while kills < 8 and not run(tmp_path / "a", FULL, kill_after=chance.uniform(0, 0.4), leaping=True, sync_seconds=0.002):
        kills += 1
        in_save += any(".partial" in p.name for p in (tmp_path / "a").iterdir())
    assert kills == 8 and in_save > 0, "the kills come before the end, and some in the middle of a save"
    assert len(step_names(tmp_path / "a")) > 1, "something was saved between the kills"
    assert run(tmp_path / "a", FULL, leaping=True)
    make_trainer(tmp_path / "b", FULL, loss=leaping_loss).fit()
    assert_same_runs(tmp_path / "a", tmp_path / "b")


def test_killed_at_every_moment_of_a_save(tmp_path: Path) -> None:
    """Each write of a save, from the first tensor file to the name file `best`, is once the last thing a process does."""
    short = dataclasses.replace(FULL, max_steps=25)
    for sync in range(1, 40):
        if run(tmp_path / "a", short, leaping=True, die_at_sync=sync):
            break
    else:
        assert run(tmp_path / "a", short, leaping=True)
    assert sync > 15, "a save makes this many things durable"
    make_trainer(tmp_path / "b", short, loss=leaping_loss).fit()
    assert_same_runs(tmp_path / "a", tmp_path / "b")


def test_killed_while_the_learning_rate_follows_the_clock(tmp_path: Path) -> None:
    """Nothing can repeat a clock, so the time that was used is kept: both processes log the same lines for the steps that both computed."""
    decay = WarmupStableDecay(decay=1.0)
    timed = dataclasses.replace(FULL, max_steps=None, max_minutes=1.5 / 60, optimizer=AdamW(lr=0.02), schedule=decay, save_every=50, log_every=1)
    assert not run(tmp_path, timed, kill_after=0.7)
    before = metrics_but_for_time(tmp_path)
    assert run(tmp_path, timed)
    after = metrics_but_for_time(tmp_path)
    assert len(after) > len(before) > 10 and after[: len(before)] == before
    assert len({line["lr"] for line in before if "lr" in line}) > 10


@pytest.mark.parametrize("stop", [1, 7, 50, 51, 66])
def test_any_step_can_be_the_last_of_a_process(tmp_path: Path, stop: int) -> None:
    """As a kill right behind a save, for every kind of beat; with faults on both sides of the cut."""
    short = dataclasses.replace(FULL, max_steps=70)

    class Killed(BaseException):
        pass

    class Kill(tiny_training.MetricsFile):
        def stepped(self, now: object) -> None:
            if now.step == stop:  # type: ignore[attr-defined]
                raise Killed

    with pytest.raises(Killed):
        make_trainer(tmp_path / "a", short, loss=leaping_loss, observers=[Kill(tmp_path / "a" / "metrics.jsonl")]).fit()
    make_trainer(tmp_path / "a", short, loss=leaping_loss, resume=True).fit()
    trainer = make_trainer(tmp_path / "b", short, loss=leaping_loss)
    trainer.fit()
    assert trainer.state.rollbacks, "the loss is such that it is not a number for some batches"
    assert_same_runs(tmp_path / "a", tmp_path / "b")
