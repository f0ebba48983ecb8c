"""The training loop: from a model, a loss and batches to saved steps. It knows nothing of architectures, data or files of a recipe.

    trainer = Trainer(config, model, loss, batches, folder=run, evaluate=evaluate, observers=[MetricsFile(run / "metrics.jsonl"), Console()])
    result = trainer.fit()

Exact resume: everything a step depends on is the state (weights, optimizer, `TrainState`) and (seed, cursor, rank), so a run that was killed
and resumed computes the weights and metrics, bit by bit, of one that was not: on the same device, precision and number of threads. A run limited
by minutes takes its learning rate from the clock; what the clock said at each step is kept in `clock.txt` and read again where steps are repeated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from anyformer.checkpoint import Step, average_steps, check_same, latest_step, load_step, step_name
from anyformer.distributed import World
from anyformer.errors import CheckpointError, Problem, file_of
from anyformer.training import ends
from anyformer.training.after_step import AfterStep
from anyformer.training.allocator import give_back_holes
from anyformer.training.clock import Clock
from anyformer.training.config import Rollback, TrainConfig
from anyformer.training.ema import weights_of
from anyformer.training.ends import Reason
from anyformer.training.feed import Batches, Feed, Prepared
from anyformer.training.guard import Fault, Record, find_fault
from anyformer.training.interruption import Interruption
from anyformer.training.observers import Now, Observer
from anyformer.training.precision import Choice
from anyformer.training.report import Report
from anyformer.training.result import Result, result_of
from anyformer.training.resuming import changes_since, settle_precision
from anyformer.training.state import TrainState
from anyformer.training.store import Store
from anyformer.training.update import LossFunction, Taken, Updater, seed_of
from anyformer.training.weights import Weights

_GIVE_BACK_EVERY = 50  # steps; the pages cost about a second when they are needed again

Evaluate = Callable[[nn.Module, int], dict[str, float]]


class Trainer:
    """Trains `model`, which stands on its device, in fp32 parameters.

    Args:
        config: with at least one end.
        loss: (forward, batch) -> sums over targets; `forward` is the model, or the model compiled.
        batches: step, counted from 0 -> this process's micro batches, on the host; a pure function.
        folder: the run's folder; steps are saved in it.
        epoch: step, counted from 0 -> passes over the data that lie before it.
        evaluate: (model, step) -> metrics, of which `loss` (nats a target) decides what is best; called in evaluation mode, without gradients, at the
            run's precision, in the first process.
        observers: of the first process.
        identity: plain data that a resumed run must share with the one that saved (the model's config, the data's fingerprint).
        resume: go on from the folder's latest step.

    Attributes:
        precision: what is computed in, and why; measured here where the config says auto, recorded in each step, taken from it on resume.
        state: where training is.

    Raises:
        ConfigError: no end is set.
        CheckpointError: there is nothing to resume, or it is damaged or of another config; or the folder is another run's.
    """

    def __init__(
        self,
        config: TrainConfig,
        model: nn.Module,
        loss: LossFunction,
        batches: Batches,
        *,
        folder: Path,
        epoch: Callable[[int], float] = lambda step: 0.0,
        evaluate: Evaluate | None = None,
        observers: Sequence[Observer] = (),
        world: World | None = None,
        identity: Mapping[str, Any] | None = None,
        resume: bool = False,
    ):
        ends.check(config)
        self.config, self.model = config, model
        self._loss, self._batches, self._epoch, self._evaluate = loss, batches, epoch, evaluate
        self._world = world or World()
        self._report = Report(observers if self._world.first else ())
        self._identity = dict(identity or {})
        self._store = Store(Path(folder), config.checkpoints, self._world)
        self._device = next(model.parameters()).device
        self._weights = Weights(model, config.optimizer, config.checkpoints.ema, self._world)
        self._after_step = AfterStep(model, config.seed, self._world)
        self._validated: dict[str, float] | None = None  # metrics of the weights as they are
        self._saved_step: int | None = None
        self._unread: list[tuple[int, int, float, Taken]] = []  # step, cursor, weight; values still on the device
        self.state = TrainState()
        saved = None
        self._store.begin(resume)
        if resume:
            path = latest_step(self._store.folder)
            if path is None:
                raise CheckpointError(Problem(str(folder), "there is nothing to resume: no step was saved"))
            saved = self._restore(path)
        chosen = settle_precision(config, model, saved, self._world)
        self._recorded = chosen._asdict()
        same = saved is not None and self._recorded == saved.state["precision"]
        self.precision = Choice(chosen.precision, f"recorded in the run: {chosen.reason}") if same else chosen
        self._resumed_from = saved

    # ---- the loop

    def fit(self) -> Result:
        """Trains until a limit is reached, Ctrl-C or SIGTERM asks for an end, or training diverges; saves, and says which it was.

        Raises:
            CheckpointError: a step or the metrics could not be written (a full disk); the last good step is whole.
            KeyboardInterrupt: Ctrl-C for the second time.
        """
        ended = None if self._resumed_from is None else self._ended()
        if ended is not None:
            return result_of(self.config, self.state, ended, "", self._validated)
        config, step = self.config, self.config.step
        self.model.train()
        optimizers, precision = self._weights.optimizers, self.precision.precision
        self._updater = Updater(self.model, self._loss, optimizers, precision, step.clip, step.compile, self._world, self._report.say)
        journal = self._store.folder / "clock.txt" if config.max_minutes is not None and self._world.first else None
        self._clock = Clock(self.state.elapsed, journal, fresh=self._resumed_from is None)
        feed = Feed(self._batches, self._device)
        try:
            self._report.tell("rewind", self.state.step)
            changes = changes_since(self._resumed_from, config, self._world) if self._resumed_from is not None else None
            if changes:
                self._report.say(changes)
            if self._resumed_from is None:
                self._save(regular=True)  # so that there is something to roll back to, and a full disk is found now
            with Interruption(self._report.say, deaf=self._world.led) as interruption:
                reason, why = self._loop(feed, interruption)
                return self._finish(reason, why)
        except OSError as error:  # of an observer, or of the clock's file; saving has its own message
            last = latest_step(self._store.folder)
            good = f"; the last good step is {last.name}" if last else ""
            raise CheckpointError(Problem(file_of(error) or str(self._store.folder), f"{error.strerror}{good}")) from error
        finally:
            feed.close()
            self._clock.close()
            self._report.tell("close")

    def _loop(self, feed: Feed, interruption: Interruption) -> tuple[Reason, str]:
        config, state = self.config, self.state
        while True:
            begin = time.perf_counter()
            prepared = feed.get(self.state.cursor)
            weight, tokens, stop = self._agree(prepared, interruption)
            reason: Reason | None = "interrupted" if stop else ends.reached(config, self.state, self._epoch(self.state.cursor))
            if reason is None:
                self._step(prepared, weight, tokens, begin)
            state = self.state
            if state.step % _GIVE_BACK_EVERY == 0:
                give_back_holes()
            logs, saves = state.step % config.log_every == 0, state.step % config.save_every == 0
            evaluates = self._evaluate is not None and state.step % config.evaluate_every == 0
            if reason or logs or saves or evaluates:
                fault = self._read()
                if fault is not None and not self._roll_back(fault.record, fault.reason):
                    return "diverged", fault.reason
                if fault is not None:
                    continue
            if reason:
                return reason, ""
            if logs:
                self._log()
            if evaluates and self._validate():
                saves = True
            if saves:
                self._save(regular=True)

    def _agree(self, prepared: Prepared, interruption: Interruption) -> tuple[float, int, bool]:
        """(weight, tokens) of the step over all processes, and whether one was asked to stop. The first process's clock is everyone's."""
        elapsed = self._clock.at(f"{len(self.state.rollbacks)}:{self.state.cursor}") if self._world.first else 0.0
        weight, tokens, stop, self.state.elapsed = self._world.sum([prepared.weight, prepared.tokens, interruption.asked, elapsed])
        return max(weight, 1e-6), int(tokens), stop > 0

    def _step(self, prepared: Prepared, weight: float, tokens: int, begin: float) -> None:
        state, config = self.state, self.config
        epoch = self._epoch(state.cursor)
        state.lr = config.optimizer.lr * config.schedule.factor(state.step + 1, ends.progress(config, state, epoch))
        taken = self._updater.take(prepared.batches, weight, state.lr, seed_of(config.seed, state.cursor, self._world.rank))
        state.step += 1
        self._after_step(state.step)
        self._validated = None
        self._weights.average(state.step)
        self._unread.append((state.step, state.cursor, weight, taken))
        state.cursor += 1
        state.tokens += tokens
        self._report.count(tokens, time.perf_counter() - begin)
        self._report.tell("stepped", Now(state.step, ends.progress(config, state, self._epoch(state.cursor)), self._clock.now(), config.max_steps))

    # ---- what is read, logged and evaluated

    def _read(self) -> Fault | None:
        """Brings losses and norms of the last steps to the host, at once; the first fault among them, if any."""
        begin = time.perf_counter()
        unread, self._unread = self._unread, []
        if not unread:
            return None
        values = torch.stack([_values(taken) for *_, taken in unread]).double().tolist()
        self._report.count(0, time.perf_counter() - begin)
        nats = self._world.sum([n for n, *_ in values])
        told = self._world.sum([x / self._world.size for row in values for x in row[2:]])
        each = len(told) // len(values)
        experts = [told[i * each : (i + 1) * each] for i in range(len(values))]
        steps = zip(unread, nats, values, experts, strict=True)
        records = [Record(s, c, w, n / w, norm, means) for (s, c, w, _), n, (_, norm, *_), means in steps]
        fault = find_fault(self.config.step.spikes, self.state.history, records)
        if fault is None:
            self.state.window += records
        return fault

    def _log(self, final: bool = False) -> None:
        """A line for the steps since the last; the final one, off the beat, leaves them for the line that a longer run would write."""
        state = self.state
        self._report.log(state, self._epoch(state.cursor), self._clock.now(), final)
        if not final:
            state.window = []

    def _validate(self, final: bool = False, weights: str | None = None) -> bool:
        """Evaluates, tells, and says whether the model is the best so far; what is off the beat does not count for early stopping."""
        state = self.state
        metrics = self._world.share(self._measure(final, weights) if self._world.first else None)
        self._validated = metrics
        loss = metrics.get("loss")
        if final or loss is None:
            return False
        if math.isfinite(loss) and (state.best_loss is None or loss < state.best_loss):
            state.best_loss, state.best_step, state.evaluations_since_best = loss, state.step, 0
            return True
        state.evaluations_since_best += 1
        return False

    def _measure(self, final: bool, weights: str | None) -> dict[str, float]:
        assert self._evaluate is not None
        self.model.eval()
        try:
            with torch.no_grad(), self._updater.autocast(), self._world.alone():
                metrics = self._evaluate(self.model, self.state.step)
                self._report.validated(self.state.step, self._epoch(self.state.cursor), self._clock.now(), metrics, final, weights)
        finally:
            self.model.train()
        return metrics

    # ---- saving and going back

    def _save(self, regular: bool) -> None:
        self._report.tell("saving", self.state.step)
        self.state.elapsed = self._clock.now()
        path = self._store.save(step_name(self.state.step), self._weights.parts(), self._facts() | {"regular": regular, "trainer": self.state.to_dict()})
        self._saved_step = self.state.step
        self._report.tell("saved", path)

    def _facts(self) -> dict[str, Any]:
        return {
            "step": self.state.step,
            "tokens": self.state.tokens,
            "validation": self._validated,
            "precision": self._recorded,
            "threads": torch.get_num_threads(),
            "processes": self._world.size,
            "identity": self._identity,
            "train": self.config.to_dict(),
        }

    def _restore(self, path: Path) -> Step:
        """Weights, optimizer, averages and state of a saved step; nothing is changed before all of it was found whole."""
        saved = load_step(path)
        check_same(saved.state["identity"], self._identity, saved.name)
        check_same({"optimizer": saved.state["train"]["optimizer"]["kind"]}, {"optimizer": self.config.optimizer.kind()}, saved.name)
        self._weights.load(saved)
        self.state = TrainState.from_dict(saved.state["trainer"])
        self._saved_step = self.state.step
        on_beat = self.state.step % self.config.evaluate_every == 0  # else its line is written, and will be cut off, as that of a run's end
        self._validated = saved.state["validation"] if on_beat else None
        return saved

    def _roll_back(self, record: Record, why: str) -> bool:
        """Back to the last regular step and on behind the offending batch; False where the config, or the number of times, says to end."""
        spikes, path = self.config.step.spikes, self._store.last_regular()
        if not isinstance(spikes, Rollback) or path is None or len(self.state.rollbacks) >= spikes.limit:
            return False
        done, elapsed = self.state.rollbacks, self.state.elapsed
        self._restore(path)
        self._unread = []
        self.state.rollbacks = [*done, {"step": record.step, "cursor": record.cursor, "to_step": self.state.step, "reason": why}]
        self.state.cursor, self.state.elapsed = record.cursor + 1, elapsed
        self._report.tell("rewind", self.state.step)
        self._report.say(f"{why}: back to step {self.state.step}, on behind that batch ({len(self.state.rollbacks)} of {spikes.limit} times)")
        return True

    # ---- the end

    def _finish(self, reason: Reason, why: str) -> Result:
        done = reason not in ("interrupted", "diverged")
        if done and self.state.window:
            self._log(final=True)
        if done and self._evaluate is not None and self._validated is None:
            self._validate(final=True)
        if reason != "diverged" and self._saved_step != self.state.step:
            self._save(regular=False)
        last = self._validated
        if done:
            self._save_others()
        self._world.wait()
        return result_of(self.config, self.state, reason, why, last)

    def _save_others(self) -> None:
        """`average/` and `ema/`: weights made of the run's, evaluated and saved like steps."""
        for name, make in self._others().items():
            tensors = make()
            self._validated = None
            if self._evaluate is not None:
                with weights_of(self.model, tensors):
                    self._validate(final=True, weights=name)
            self._report.tell("saved", self._store.save(name, {"model": tensors}, self._facts()))

    def _others(self) -> dict[str, Callable[[], dict[str, Tensor]]]:
        """What the config wants made of the weights at this step."""
        makers: dict[str, Callable[[], dict[str, Tensor]]] = {}
        paths = self._store.to_average()
        if len(paths) > 1:
            makers["average"] = lambda: average_steps(paths, [name for name, _ in self.model.named_buffers()])
        if self._weights.moving_average is not None:
            makers["ema"] = self._weights.moving_average.tensors
        return makers

    def _ended(self) -> Reason | None:
        """The limit at which a run that is opened again had ended, if it had done all that comes at the end."""
        reason = ends.reached(self.config, self.state, self._epoch(self.state.cursor))
        whole = self._evaluate is None or self._store.facts(step_name(self.state.step)).get("validation") is not None
        return reason if whole and all(self._store.facts(name).get("step") == self.state.step for name in self._others()) else None


def _values(taken: Taken) -> Tensor:
    """nats, gradient norm, and what experts say where there are any."""
    both = torch.stack([taken.nats, taken.grad_norm.float()])
    return both if taken.experts is None else torch.cat([both, taken.experts])
