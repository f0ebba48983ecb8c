"""The training loop on a tiny model: ends, what is kept, divergence, going on."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing_runs import assert_same_runs, metrics_but_for_time
from tiny_training import VOCABULARY, Sums, batch, batches, evaluate, loss, make_model, make_trainer

from anyformer.batch import Batch
from anyformer.checkpoint import load_step, pointed_at, step_names
from anyformer.errors import CheckpointError, ConfigError
from anyformer.training import AdamW, BestSteps, Checkpoints, Cosine, LastSteps, Limits, MetricsFile, Observer, Rollback, Step, Stop, TrainConfig

BASE = TrainConfig(max_steps=12, save_every=4, evaluate_every=6, log_every=3, optimizer=AdamW(lr=0.02), schedule=Cosine(warmup_steps=2), precision="fp32")


def config(**changes: Any) -> TrainConfig:
    return dataclasses.replace(BASE, **changes)


class Hearing(Observer):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, message: str) -> None:
        self.notices.append(message)


def test_it_learns_and_leaves_a_run(tmp_path: Path) -> None:
    result = make_trainer(tmp_path, config(max_steps=150)).fit()
    assert (result.reason, result.step, result.tokens, result.finished) == ("max_steps", 150, 150 * 30, True)
    assert result.validation and result.validation["loss"] < 0.5 < math.log(VOCABULARY)
    lines = metrics_but_for_time(tmp_path)
    assert [line["step"] for line in lines if "loss" in line] == list(range(3, 151, 3))
    assert set(lines[0]) == {"step", "epoch", "tokens", "loss", "ppl", "lr", "grad_norm"}
    assert pointed_at(tmp_path, "latest") == "step-000150"


def test_the_logged_loss_is_the_mean_since_the_last_line(tmp_path: Path) -> None:
    seen: list[tuple[float, float]] = []

    def listening(forward: Any, data: Batch) -> Sums:
        sums = loss(forward, data)
        seen.append((float(sums.nats), float(sums.weight)))
        return sums

    make_trainer(tmp_path, config(step=Step(accumulate=2)), loss=listening, evaluate=None).fit()
    first = metrics_but_for_time(tmp_path)[0]
    assert first["loss"] == pytest.approx(sum(n for n, _ in seen[:6]) / sum(w for _, w in seen[:6]))


def test_accumulating_micro_batches_equals_one_large_batch(tmp_path: Path) -> None:
    whole, parts = make_model(dropout=0.0), make_model(dropout=0.0)
    thirds = [slice(0, 1), slice(1, 4), slice(4, 6)]
    make_trainer(tmp_path / "whole", config(), model=whole).fit()
    make_trainer(tmp_path / "parts", config(), model=parts, batches=lambda step: [batch(step, rows) for rows in thirds]).fit()
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_the_gradient_is_clipped_to_its_norm(tmp_path: Path) -> None:
    norms: list[float] = []
    for clip in (None, 0.05):
        model = make_model()
        model.embedding.weight.register_post_accumulate_grad_hook(lambda p: None)
        trainer = make_trainer(tmp_path / str(clip), config(step=Step(clip=clip), max_steps=1), model=model, evaluate=None)
        step = trainer._weights.optimizers.step

        def spy(step: Any = step, model: Any = model) -> None:
            norms.append(float(torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in model.parameters()]))))
            step()

        trainer._weights.optimizers.step = spy  # type: ignore[method-assign]
        trainer.fit()
    assert norms[0] > 0.1 and norms[1] == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize(
    ("limits", "reason", "step"),
    [
        (Limits(max_epochs=0.7), "max_epochs", 7),
        (Limits(max_tokens=100), "max_tokens", 4),
        (Limits(max_tokens=10**9), "max_steps", 12),
    ],
)
def test_ends(tmp_path: Path, limits: Limits, reason: str, step: int) -> None:
    result = make_trainer(tmp_path, config(limits=limits)).fit()
    assert (result.reason, result.step) == (reason, step)


def test_minutes_end_it_and_the_schedule_goes_to_its_end(tmp_path: Path) -> None:
    result = make_trainer(tmp_path, config(max_steps=None, max_minutes=0.4 / 60, schedule=Cosine(), log_every=1, save_every=10**6), evaluate=None).fit()
    assert result.reason == "max_minutes" and 0.4 <= result.elapsed < 3
    rates = [line["lr"] for line in metrics_but_for_time(tmp_path)]
    assert len(rates) > 5 and rates[0] > 0.015 and rates[-1] < 0.005 and rates == sorted(rates, reverse=True)


def test_patience(tmp_path: Path) -> None:
    losses = iter([3.0, 2.0, 2.5, 2.0, 2.1, 1.0])
    result = make_trainer(
        tmp_path, config(max_steps=100, evaluate_every=2, limits=Limits(patience=3)), evaluate=lambda model, step: {"loss": next(losses)}
    ).fit()
    assert (result.reason, result.step) == ("patience", 10)
    assert pointed_at(tmp_path, "best") == "step-000004" and "the best was step 4" in result.message


def test_training_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="train.max_steps: training has no end"):
        make_trainer(tmp_path, config(max_steps=None))


def test_steps_that_are_kept(tmp_path: Path) -> None:
    rises = {4: 1.0, 8: 2.0, 12: 3.0, 16: 4.0, 20: 5.0}
    small = config(max_steps=20, evaluate_every=4, checkpoints=Checkpoints(keep=2))
    make_trainer(tmp_path, small, evaluate=lambda model, step: {"loss": rises[step]}).fit()
    assert step_names(tmp_path) == ["step-000004", "step-000016", "step-000020"]  # the best and the last two
    assert pointed_at(tmp_path, "best") == "step-000004"


@pytest.mark.parametrize(("average", "made_of"), [(LastSteps(count=3), (12, 16, 20)), (BestSteps(count=2), (8, 12))])
def test_average(tmp_path: Path, average: Any, made_of: tuple[int, ...]) -> None:
    losses = {4: 3.0, 8: 1.0, 12: 2.0, 16: 4.0, 20: 5.0}
    calls: list[int] = []

    def judge(model: Any, step: int) -> dict[str, float]:
        calls.append(step)
        return {"loss": losses[step] if calls.count(step) == 1 else 0.5}

    make_trainer(tmp_path, config(max_steps=20, evaluate_every=4, checkpoints=Checkpoints(keep=None, average=average)), evaluate=judge).fit()
    found = load_step(tmp_path / "average").tensors()
    steps = [load_step(tmp_path / f"step-{n:06d}").tensors() for n in made_of]
    for name, value in found.items():
        expected = torch.stack([s[name].double() for s in steps]).mean(0) if value.is_floating_point() else steps[-1][name]
        torch.testing.assert_close(value.double(), expected.double())
    assert pointed_at(tmp_path, "best") == "average"


def test_moving_average(tmp_path: Path) -> None:
    model = make_model()
    weights: list[torch.Tensor] = [model.up.weight.detach().clone()]

    class Watch(Observer):
        def stepped(self, now: Any) -> None:
            weights.append(model.up.weight.detach().clone())

    make_trainer(tmp_path, config(checkpoints=Checkpoints(ema=0.8)), model=model, observers=[Watch()]).fit()
    expected = weights[0]
    for step, weight in enumerate(weights[1:], 1):
        decay = min(0.8, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    found = load_step(tmp_path / "ema").tensors()
    torch.testing.assert_close(found["up.weight"], expected)
    assert found.keys() == model.state_dict().keys()
    assert torch.equal(model.up.weight, weights[-1])  # the model itself is what it was


def poison(at: set[int], value: float) -> Any:
    """Batches that come with a loss that is multiplied by `value` at these numbers; told by their first token."""

    def poisoned(forward: Any, data: Batch) -> Sums:
        sums = loss(forward, data)
        bad = any(torch.equal(data.tokens, batch(n).tokens) for n in at)
        return Sums(sums.total * value, sums.nats * value, sums.weight) if bad else sums

    return poisoned


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e4])
def test_a_fault_rolls_back_and_goes_on_behind_the_batch(tmp_path: Path, value: float) -> None:
    hearing = Hearing()
    faulty = config(max_steps=30, step=Step(spikes=Rollback(window=16)))
    trainer = make_trainer(tmp_path, faulty, loss=poison({22}, value), observers=[MetricsFile(tmp_path / "metrics.jsonl"), hearing])
    result = trainer.fit()
    assert (result.reason, result.step) == ("max_steps", 30)
    rollback = trainer.state.rollbacks[0]
    assert len(trainer.state.rollbacks) == 1 and (rollback["step"], rollback["cursor"], rollback["to_step"]) == (23, 22, 20)
    assert trainer.state.cursor == 30 + 3  # of the batches 20, 21, 22 the run has forgotten what it learnt
    assert "step 23" in hearing.notices[0] and "back to step 20" in hearing.notices[0]
    steps = [line["step"] for line in metrics_but_for_time(tmp_path) if "loss" in line]
    assert steps == list(range(3, 31, 3))
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())


def test_too_many_faults_end_it(tmp_path: Path) -> None:
    faulty = config(step=Step(spikes=Rollback(limit=2)))
    result = make_trainer(tmp_path, faulty, loss=poison({5, 7, 9}, float("nan"))).fit()
    assert result.reason == "diverged" and not result.finished and "not finite" in result.message
    assert load_step(tmp_path / "step-000004").state["step"] == 4


def test_stop_at_a_fault(tmp_path: Path) -> None:
    result = make_trainer(tmp_path, config(step=Step(spikes=Stop())), loss=poison({6}, float("nan"))).fit()
    assert result.reason == "diverged" and "the loss of step 7 is not finite" in result.message
    assert step_names(tmp_path)[-1] == "step-000006"


def test_a_full_disk_ends_it_with_the_last_good_step_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(tmp_path, config())

    class Fill(Observer):
        def stepped(self, now: Any) -> None:
            if now.step == 7:

                def full(handle: int) -> None:
                    raise OSError(28, "No space left on device")

                monkeypatch.setattr(os, "fsync", full)

    trainer._report._observers.insert(0, Fill())
    trainer._report._observers.pop()  # metrics.jsonl would be the first to find it
    with pytest.raises(CheckpointError, match=r"(?s)the disk is full.*the last good step is step-000006"):
        trainer.fit()
    monkeypatch.undo()
    assert make_trainer(tmp_path, config(), resume=True).fit().step == 12


def test_a_full_disk_under_an_observer_is_no_traceback(tmp_path: Path) -> None:
    class Writes(Observer):
        def stepped(self, now: Any) -> None:
            if now.step == 5:
                raise OSError(28, "No space left on device", "samples/x.txt")

    with pytest.raises(CheckpointError, match="samples/x.txt: No space left on device; the last good step is step-000004"):
        make_trainer(tmp_path, config(), observers=[Writes()]).fit()


def test_a_full_disk_is_told_when_metrics_are_written(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    trainer = make_trainer(tmp_path, config())
    metrics = trainer._report._observers[0]
    metrics.rewind(0)
    metrics._file = open("/dev/full", "w")  # noqa: SIM115
    with pytest.raises(CheckpointError, match="metrics.jsonl: could not be written: No space left on device"):
        metrics.logged({"step": 1})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_run_goes_on_as_if_nothing_had_been(tmp_path: Path, number: int) -> None:
    class Interrupt(Hearing):
        def stepped(self, now: Any) -> None:
            if now.step == 5:
                os.kill(os.getpid(), number)

    hearing = Interrupt()
    before = signal.getsignal(number)
    result = make_trainer(tmp_path / "a", config(), observers=[MetricsFile(tmp_path / "a" / "metrics.jsonl"), hearing]).fit()
    assert (result.reason, result.step, result.finished) == ("interrupted", 5, False)
    assert step_names(tmp_path / "a")[-1] == "step-000005" and "stopping" in hearing.notices[0]
    assert signal.getsignal(number) == before
    make_trainer(tmp_path / "a", config(), resume=True).fit()
    make_trainer(tmp_path / "b", config()).fit()
    assert_same_runs(tmp_path / "a", tmp_path / "b")


def test_a_second_ctrl_c_aborts_at_once(tmp_path: Path) -> None:
    class Impatient(Observer):
        def stepped(self, now: Any) -> None:
            if now.step == 5:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        make_trainer(tmp_path, config(), observers=[Impatient()]).fit()
    assert step_names(tmp_path)[-1] == "step-000004"


def test_a_finished_run_is_trained_further_as_if_in_one_go(tmp_path: Path) -> None:
    steady = config(schedule=Cosine(final=1.0), checkpoints=Checkpoints(ema=0.9, average=LastSteps(count=2)), log_every=5)
    long = dataclasses.replace(steady, max_steps=27)
    make_trainer(tmp_path / "a", steady).fit()
    make_trainer(tmp_path / "a", dataclasses.replace(steady, max_steps=17), resume=True).fit()  # ends off every beat
    make_trainer(tmp_path / "a", long, resume=True).fit()
    make_trainer(tmp_path / "b", long).fit()
    assert_same_runs(tmp_path / "a", tmp_path / "b")


def test_a_finished_run_opened_again_changes_nothing(tmp_path: Path) -> None:
    full = config(max_steps=11, checkpoints=Checkpoints(ema=0.9, average=LastSteps(count=2)))
    first = make_trainer(tmp_path, full).fit()
    content = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    again = make_trainer(tmp_path, full, resume=True).fit()
    assert (again.reason, again.step) == (first.reason, first.step)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == content


def test_resuming_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nothing to resume"):
        make_trainer(tmp_path, config(), resume=True)
    make_trainer(tmp_path, config()).fit()
    with pytest.raises(CheckpointError, match="holds the steps of a run already"):
        make_trainer(tmp_path, config())
    with pytest.raises(CheckpointError, match="model.width: 8 in step-000012, 9 here"):
        make_trainer(tmp_path, config(), resume=True, identity={"model": {"width": 9}})
    with pytest.raises(CheckpointError, match="up.weight: is not in step-000012|is in step-000012 and not in the model"):
        make_trainer(tmp_path, config(), resume=True, model=torch.nn.Linear(2, 2))
    from anyformer.training import Muon

    with pytest.raises(CheckpointError, match="optimizer: 'AdamW' in step-000012, 'Muon' here"):
        make_trainer(tmp_path, config(optimizer=Muon()), resume=True)


def test_changed_settings_are_told(tmp_path: Path) -> None:
    make_trainer(tmp_path, config()).fit()
    hearing = Hearing()
    make_trainer(tmp_path, config(max_steps=14, optimizer=AdamW(lr=0.001)), resume=True, observers=[hearing]).fit()
    assert "train.max_steps 12 -> 14" in hearing.notices[0] and "train.optimizer.lr 0.02 -> 0.001" in hearing.notices[0]


def test_precision_is_recorded_and_taken_from_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anyformer.training import Choice, resuming

    monkeypatch.setattr(resuming, "choose_precision", lambda *a: Choice("bf16", "because"))
    dtypes = set()

    def watching(forward: Any, data: Batch) -> Sums:
        dtypes.add(forward(data).dtype)
        return loss(forward, data)

    first = make_trainer(tmp_path, config(precision="auto", max_steps=4), loss=watching)
    assert first.precision == ("bf16", "because")
    first.fit()
    assert dtypes == {torch.bfloat16} and next(first.model.parameters()).dtype == torch.float32
    monkeypatch.setattr(resuming, "choose_precision", lambda *a: Choice("fp32", "measured anew"))
    again = make_trainer(tmp_path, config(precision="auto"), resume=True)
    assert again.precision == ("bf16", "recorded in the run: because")
    again.fit()
    assert load_step(tmp_path / "step-000012").state["precision"] == {"precision": "bf16", "reason": "because"}


def test_compile_falls_back_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(forward: Any, **_: Any) -> Any:
        def fail(*arguments: Any) -> None:
            raise RuntimeError("no C++ compiler\nand more")

        return fail

    monkeypatch.setattr(torch, "compile", broken)
    hearing = Hearing()
    make_trainer(tmp_path / "a", config(step=Step(compile=True)), observers=[MetricsFile(tmp_path / "a" / "metrics.jsonl"), hearing]).fit()
    assert hearing.notices[0].startswith("compiling the layers")
    assert hearing.notices[1:] == ["torch.compile failed, so the model runs without it (RuntimeError: no C++ compiler)"]
    make_trainer(tmp_path / "b", config()).fit()
    assert metrics_but_for_time(tmp_path / "a") == metrics_but_for_time(tmp_path / "b")


def test_evaluation_sees_the_model_in_evaluation_mode_and_disturbs_nothing(tmp_path: Path) -> None:
    def noisy(model: Any, step: int) -> dict[str, float]:
        assert not model.training and not torch.is_grad_enabled()
        torch.rand(step)  # draws from the generator that training uses
        return evaluate(model, step)

    make_trainer(tmp_path / "a", config(), evaluate=noisy).fit()
    make_trainer(tmp_path / "b", config()).fit()
    assert_same_runs(tmp_path / "a", tmp_path / "b")


def test_state_is_plain_json(tmp_path: Path) -> None:
    make_trainer(tmp_path, config()).fit()
    written = json.loads((tmp_path / "step-000012" / "state.json").read_text())
    assert written["state"]["trainer"]["cursor"] == 12 and written["state"]["tokens"] == 12 * 30
    assert batches(config())(3)[0].tokens.tolist() == batch(3).tokens.tolist()
