"""Whether a run can go on as it is asked to: what may not change is refused by the name of the key, or of the file, that did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anyformer.checkpoint import differences, latest_step, load_step
from anyformer.data import file_digests
from anyformer.errors import CheckpointError, ConfigError, InputError, Problem
from anyformer.run import folder
from anyformer.run.recipe import Recipe, as_data

# Key -> why it cannot change. The model is compared by the trainer, and the corpus by its content: files may move.
FIXED = {
    "tokenizer": "the model knows the ids of the run's own vocabulary",
    "objective": "the model has learned it",
    "data.max_length": "it decides which batches the run sees",
    "data.over_length": "it decides which batches the run sees",
    "data.bpe_dropout": "it decides which batches the run sees",
    "data.batch_tokens": "it decides which batches the run sees",
    "data.max_pairs": "it decides which batches the run sees",
    "data.cleaning": "it decides which batches the run sees",
    "train.seed": "it decides which batches the run sees",
    "train.optimizer.kind": "the saved state is of the other one",
}


def check_arguments(run: Path, recipe: Any, source: Any, target: Any, out: Any) -> None:
    """A run that goes on has its recipe, its data and its folder already; InputError for each argument that names another."""
    problems = []
    if recipe is not None:
        problems.append(Problem("--resume", f"a run has its own recipe; leave out {recipe}, and change single keys by key=value"))
    for name, value in (("--source", source), ("--target", target)):
        if value is not None:
            problems.append(Problem(name, f"a run goes on with its own data; leave out {value}, or start a new run"))
    if out is not None and Path(out).resolve() not in (run.resolve(), (folder.RUNS / run).resolve()):
        problems.append(Problem("--out", f"{run} goes on in its own folder; leave out {out}, or copy the folder and resume the copy"))
    if problems:
        raise InputError(*problems)


def check_keys(before: Recipe, now: Recipe, made_to_fit: bool = False) -> None:
    """Compares the recipe of a run with the one it is to go on with.

    Args:
        made_to_fit: the run's vocabulary was made to fit small files; the recipe's size is not what was taken.

    Raises:
        ConfigError: every key that has changed and cannot.
    """
    problems = []
    for path, was, wanted in differences(as_data(before), as_data(now)):
        fixed = next((key for key in FIXED if path == key or path.startswith(key + ".")), None)
        if fixed is None or (made_to_fit and fixed == "tokenizer"):
            continue
        problems.append(Problem(path, f"is {_shown(was)} in the run and cannot become {_shown(wanted)}: {FIXED[fixed]}; start a new run with it"))
    if problems:
        raise ConfigError(*problems)


def check_data(run: Path, before: Recipe, now: Recipe, fingerprint: str) -> None:
    """Compares what the run has been trained on with what was read now.

    Raises:
        CheckpointError: it is not the same; names the files or keys that have changed.
    """
    path = latest_step(run)
    if path is None or load_step(path).state.get("identity", {}).get("data") in (None, fingerprint):
        return
    recorded = folder.read_config(run)["run"].get("files", {})
    here = file_digests(now.data)
    problems = [Problem(file["path"], _other_file(recorded[key])) for key, file in here.items() if file["sha256"] != recorded.get(key, file)["sha256"]]
    if not problems:
        changed = differences(as_data(before)["data"], as_data(now)["data"], "data")
        problems = [Problem(key, f"is {_shown(was)} in the run, and {_shown(wanted)} here, which gives other batches") for key, was, wanted in changed]
    if not problems:
        versions = folder.read_config(run)["run"].get("versions", {})
        made = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
        problems = [Problem("data", f"the batches are not those of the run, though no key has changed: the run was made with {made}")]
    raise CheckpointError(*problems, Problem(str(run), "cannot go on with other data: give it those that it began with, or start a new run"))


def _other_file(recorded: dict[str, Any]) -> str:
    return f"is not what the run began with ({recorded['path']}, {recorded['bytes']:,} bytes, SHA-256 {recorded['sha256'][:12]}...)"


def _shown(value: Any) -> str:
    """As YAML has it."""
    return json.dumps(value, ensure_ascii=False) if value is None or isinstance(value, bool) else str(value)
