"""`convert(run, out, ...)`: a run whose model has been changed by surgery, as a new run that every verb takes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anyformer.checkpoint import load_step, point_at, save_step, step_name
from anyformer.errors import InputError
from anyformer.model.model import Model
from anyformer.run import folder
from anyformer.run.load import find_weights, load_model, read_recipe
from anyformer.run.recipe import Recipe, as_data
from anyformer.text.pair import SOURCE_FILE, TARGET_FILE
from anyformer.text.tokenizer import FILE
from anyformer.training.state import TrainState

Operation = Callable[[Model], Model]

_OF_THIS_FOLDER = ("format", "at", "command", "versions", "resumed")  # of what config.yaml says under `run`; the rest is handed on


@dataclass(frozen=True)
class Converted:
    """What `convert` has made."""

    path: Path
    step: str  # of the old run, whose weights were taken
    parameters: tuple[int, int]  # before and after


def convert(path: str | Path, out: str | Path, operations: list[Operation], *, step: str | int | None = None, overwrite: bool = False) -> Converted:
    """Makes the run `out`: the model of the run `path` after `operations` (functions of `anyformer.model.surgery`), in order.

    It stands at step 0, with the old run's data, tokenizers and recipe, so `train --resume OUT` trains it on; its optimizer begins anew.

    Raises:
        InputError: there is no such run, nothing is to be done, or `out` is taken.
        ConfigError: an operation cannot be done on this model.
        OSError: the disk is full, or `out` cannot be written. Nothing is left then, also after Ctrl-C, and a run that was to be replaced is as it was.
    """
    if not operations:
        raise InputError("say what to change; `anyformer convert --help` lists what can be")
    where, out = folder.open_run(path), Path(out)
    folder.check_free(out, overwrite)
    recipe, found = read_recipe(where), find_weights(where, step)
    model = load_model(recipe, where, found)
    before = sum(p.numel() for p in model.parameters())
    for operation in operations:
        model = operation(model)
    config: Any = model.config
    recipe = replace(recipe, model=config.to_dict())
    old = load_step(found).state
    parts: dict[str, Any] = {"model": model.state_dict()}
    state: dict[str, Any] = {"step": 0, "converted_from": str(found.resolve())}
    if "identity" in old:  # a run that was trained here, and can be trained on
        parts["optimizer"] = recipe.train.optimizer.build(model).tensors()
        state = _at_the_start(old, config, recipe) | state
    with folder.create_whole(out, overwrite) as partial:
        for name in (FILE, SOURCE_FILE, TARGET_FILE):
            if (where / name).exists():
                shutil.copyfile(where / name, partial / name)
        save_step(partial, step_name(0), parts, state)
        point_at(partial, "latest", step_name(0))
        made = {k: v for k, v in folder.read_config(where)["run"].items() if k not in _OF_THIS_FOLDER}
        folder.write_config(partial, as_data(recipe), **made)
    return Converted(out, found.name, (before, sum(p.numel() for p in model.parameters())))


def _at_the_start(old: dict[str, Any], config: Model.Config, recipe: Recipe) -> dict[str, Any]:
    """What a step says of a run of this model that has not begun, on the data of the old one."""
    fresh = {"tokens": 0, "validation": None, "regular": True, "trainer": TrainState().to_dict(), "train": recipe.train.to_dict()}
    return old | fresh | {"identity": old["identity"] | {"model": config.to_dict()}}
