"""Which recipe and which folder the arguments of `train` mean, and whether a run begins there or goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anyformer.checkpoint import latest_step
from anyformer.errors import ConfigError, InputError, Problem
from anyformer.run import folder, own_files, resuming
from anyformer.run.load import read_recipe
from anyformer.run.prepare import Fit
from anyformer.run.recipe import Recipe, read_file

_NOTHING = "say what to train on: a recipe (`anyformer recipes list`), --source FILE --target FILE, or --resume RUN"

File = str | Path | None


@dataclass(frozen=True)
class Start:
    """What is to be trained, where, and whether it goes on."""

    name: str
    recipe: Recipe
    folder: Path | None  # None: a new one, numbered
    resumed: bool = False
    overwrite: bool = False  # what stands in the folder is replaced
    fit: frozenset[Fit] = frozenset()  # what is made to fit small data


def find_start(recipe: File, changes: Mapping[str, Any], source: File, target: File, out: File, resume: File, overwrite: bool) -> Start:
    """The start that the arguments of `anyformer.train` mean; every argument is obeyed or refused.

    Raises:
        ConfigError, InputError, CheckpointError: as `anyformer.train`.
    """
    if resume is not None and overwrite:
        raise InputError(Problem("--overwrite", "replaces a run, and --resume goes on with it: give one of them"))
    if resume is not None and str(resume) != "auto":
        resuming.check_arguments(Path(resume), recipe, source, target, out)
        return _named(folder.open_run(resume), changes)
    if recipe is None and not source and not target:
        if out is None or resume is None or not folder.is_run(Path(out)):
            raise InputError(_NOTHING)
        return _named(Path(out), changes)
    fresh = _fresh(recipe, changes, source, target, out, overwrite)
    found = None if resume is None else folder.latest(fresh.name) if out is None else Path(out)
    if found is None or not folder.is_run(found):
        return fresh
    if latest_step(found) is None:  # it was stopped before there was anything to go on from
        return replace(fresh, folder=found, overwrite=True)
    return _going_on(fresh, found, changes)


def _fresh(recipe: File, changes: Mapping[str, Any], source: File, target: File, out: File, overwrite: bool) -> Start:
    """A run that begins."""
    where = None if out is None else Path(out)
    if not source and not target:
        made, name = read_file(str(recipe), changes)
        return Start(name, made, where, overwrite=overwrite)
    files = own_files.corpus(source, target)
    chosen = own_files.recipe_for(Path(str(source)), Path(str(target))) if recipe is None else str(recipe)
    made, name = read_file(chosen, files | dict(changes))
    if recipe is not None:
        return Start(name, made, where, overwrite=overwrite)
    return Start(own_files.name(Path(str(source)), Path(str(target))), made, where, overwrite=overwrite, fit=own_files.fitting(changes))


def _going_on(fresh: Start, found: Path, changes: Mapping[str, Any]) -> Start:
    """`--resume auto` has found a run; it goes on with the recipe that was given, where that fits."""
    before = read_recipe(found)
    made = fresh.recipe
    if "batches" in fresh.fit:  # the size that was made to fit the files
        made = replace(made, data=replace(made.data, batch_tokens=before.data.batch_tokens))
    resuming.check_keys(before, made, made_to_fit="vocabulary" in fresh.fit)
    return Start(fresh.name, made, found, resumed=True)


def _named(run: Path, changes: Mapping[str, Any]) -> Start:
    """`--resume RUN`: the run's own recipe, with changes."""
    if latest_step(run) is None:
        raise InputError(Problem(str(run), "no step was saved in this run; start it again with --overwrite"))
    fixed = [Problem(key, "the model of a run that is resumed cannot change; start a new run with it") for key in changes if key.partition(".")[0] == "model"]
    if fixed:
        raise ConfigError(*fixed)
    before, made = read_recipe(run), read_recipe(run, changes)
    resuming.check_keys(before, made)
    return Start(str(folder.read_config(run)["run"].get("name") or run.name), made, run, resumed=True)
