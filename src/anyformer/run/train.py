"""`train(recipe)`: from a recipe to a trained run.

The recipe is read and checked, data and tokenizers are prepared, the folder is made, and only then the first step is taken, so that what is
wrong with the input is known before anything is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from anyformer.distributed import World, share_of, threads, workers
from anyformer.errors import InputError
from anyformer.evaluation import Evaluation
from anyformer.parts import onednn
from anyformer.run import folder, lock, resuming
from anyformer.run.banner import Plan
from anyformer.run.device import choose_device
from anyformer.run.execute import execute, plan
from anyformer.run.load import Run, load, read_recipe
from anyformer.run.prepare import Prepared, prepare
from anyformer.run.processes import choose_processes
from anyformer.run.screen import Screen
from anyformer.run.start import find_start
from anyformer.training import Result, keep_freed_memory

Show = Literal["stdout", "stderr", "nothing"]


@dataclass(frozen=True)
class Trained:
    """What `train` has done.

    Attributes:
        path: the run's folder; None after a dry run.
        plan: what was, or would be, trained on what; prints as the banner.
        result: how training ended; None after a dry run.
        evaluation: of the best weights on the validation pairs; None without a report, or where training was interrupted.
    """

    path: Path | None
    plan: Plan
    result: Result | None = None
    evaluation: Evaluation | None = None

    def load(self, **options: Any) -> Run:
        """The trained model, ready to translate; as `anyformer.load(path)`."""
        if self.path is None:
            raise InputError("a dry run trains nothing, so there is nothing to load")
        return load(self.path, **options)

    @property
    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        if self.result is None:
            return self.plan.to_dict()
        r = self.result
        return {
            "run": str(self.path),
            "reason": r.reason,
            "message": r.message,
            "step": r.step,
            "tokens": r.tokens,
            "seconds": r.elapsed,
            "validation": r.validation,
            "evaluation": None if self.evaluation is None else self.evaluation.to_dict(),
        }


def train(
    recipe: str | Path | None = None,
    changes: Mapping[str, Any] | None = None,
    *,
    source: str | Path | None = None,
    target: str | Path | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    device: str = "auto",
    precision: Literal["auto", "fp32", "bf16"] = "auto",
    processes: int | None = None,
    data_dir: str | Path | None = None,
    show: Show = "stdout",
    report: bool = True,
) -> Trained:
    """Trains a model from a recipe, or from two files.

        anyformer.train("multi30k-en-fr", {"train.max_minutes": 20, "model.encoder.n_layers": 6})
        anyformer.train(source="a.en", target="a.fr")

    Args:
        recipe: a file, a packaged name, or a run, whose recipe is taken.
        changes: dotted path -> value, laid over the recipe before it is checked.
        source, target: texts aligned by line; without a recipe one is chosen by their size.
        out: the run's folder; None: `runs/<recipe>-<number>`.
        resume: a run to go on with; `auto`: the run in `out`, else the newest of the recipe, else a new one.
        overwrite: replace the run that stands in `out`.
        dry_run: make the plan, measure a few steps, write nothing.
        device: `auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, `mps`.
        precision: `auto` takes the recipe's `train.precision`.
        processes: how many share each batch, on this machine, and the CPU threads (`torch.set_num_threads`); None: on a CPU one a thread where that is
            faster, else one. A resumed run keeps those it has had, if there are threads or GPUs for
            them.
        data_dir: where named corpora lie; None: `ANYFORMER_DATA`, then the cache.
        show: where banner and progress go.
        report: evaluate the best weights on the validation pairs at the end, and draw the losses.

    Raises:
        ConfigError: everything that is wrong with the recipe, at once.
        InputError: files, folders and corpora that cannot be used.
        CheckpointError: a run that cannot be resumed, or a disk that is full.
    """
    keep_freed_memory()
    chosen = choose_device(device)
    with World.join(chosen.type) as world, contextlib.ExitStack() as held:
        changed = dict(changes or {}) | ({} if precision == "auto" else {"train.precision": precision})
        start = find_start(recipe, changed, source, target, out, resume, overwrite)
        if world.first and not dry_run and start.folder is not None:  # now, and not after minutes of preparing
            held.enter_context(lock.hold(start.folder)) if start.resumed else folder.check_free(start.folder, start.overwrite)
        screen = Screen(show if world.first else "nothing")
        where = None if data_dir is None else Path(data_dir)
        screen.say(f"preparing {start.recipe.data.corpus.title}")
        prepared = prepare(start.recipe, where, start.folder if start.resumed else None, start.fit)
        if start.resumed and start.folder is not None:
            resuming.check_data(start.folder, read_recipe(start.folder), prepared.recipe, prepared.stream.fingerprint)
        size = choose_processes(processes, start.folder if start.resumed else None, prepared, chosen, world)
        if dry_run:
            with threads(share_of(torch.get_num_threads(), size) if world.size == 1 else torch.get_num_threads()):
                made = plan(start.name, None, prepared.for_process(0, size), chosen, measured=True)
            screen.say(str(made))
            return Trained(None, made)
        place = start.folder
        if start.resumed and place is not None:
            onednn.use(folder.read_config(place)["run"].get("onednn"))
        elif world.first:
            place = held.enter_context(folder.create_numbered(start.name) if place is None else folder.create(place, start.overwrite))
        place = world.share(place)
        assert place is not None
        given = start.name, place, prepared, chosen, start.resumed
        if world.size == 1:
            world = held.enter_context(workers(size, _work, given, torch.get_num_threads(), chosen.type))
        made, result, evaluation = execute(*given, world, screen, report)
        return Trained(place, made, result, evaluation)


def _work(world: World, name: str, place: Path, prepared: Prepared, device: torch.device, resumed: bool) -> None:
    """What a further process of the run does."""
    keep_freed_memory()
    execute(name, place, prepared, device, resumed, world, Screen("nothing"), report=False)
