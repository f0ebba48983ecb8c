"""The steps in a run folder: `step-000500/` and the name files `latest` and `best`."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from anyformer.checkpoint.files import write_text
from anyformer.errors import CheckpointError, Problem, nearest

_STEP = re.compile(r"step-(\d{6,})")


def step_name(step: int) -> str:
    return f"step-{step:06d}"


def step_names(folder: Path) -> list[str]:
    """Names of the steps there are, in the order of training."""
    found = [m for p in Path(folder).glob("step-*") if (m := _STEP.fullmatch(p.name)) and p.is_dir()]
    return [m[0] for m in sorted(found, key=lambda m: int(m[1]))]


def latest_step(folder: Path) -> Path | None:
    """The furthest step. A step has its name only since it was whole, so the name file `latest` is not needed to know it."""
    names = step_names(folder)
    return Path(folder) / names[-1] if names else None


def is_run(folder: Path) -> bool:
    """Whether the folder holds at least one step."""
    return latest_step(folder) is not None


def point_at(folder: Path, pointer: str, name: str) -> None:
    """Writes the name file `latest` or `best`."""
    if pointed_at(folder, pointer) != name:
        write_text(Path(folder) / pointer, name + "\n")


def pointed_at(folder: Path, pointer: str) -> str | None:
    """The name in the name file, None where there is none or the step that it names is gone."""
    try:
        name = (Path(folder) / pointer).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if name and (Path(folder) / name / "state.json").is_file() else None


def find_step(path: Path, which: str = "best") -> Path:
    """The folder of a step: `path` itself if it is one, else the `best`, the `latest` or the named one of the run `path`.

    `best` is the latest where nothing was evaluated.

    Raises:
        CheckpointError: there is no such run or step; the message says what there is.
    """
    path = Path(path)
    if not path.exists():
        raise CheckpointError(Problem(str(path), "there is no such run"))
    if (path / "state.json").is_file():
        return path
    last = latest_step(path)
    if last is None:
        raise CheckpointError(Problem(str(path), "is no run: there is no step-... folder in it"))
    if which == "latest":
        return last
    if which == "best":
        name = pointed_at(path, "best")
        return path / name if name else last
    if not (path / which / "state.json").is_file():
        known = [p.parent.name for p in path.glob("*/state.json")]
        raise CheckpointError(Problem(str(path), f"has no step '{which}'{nearest(which, [*known, 'best', 'latest'])}"))
    return path / which


def remove_step(folder: Path, name: str) -> None:
    """Removes a step; renamed first, so that a half-removed one never looks like a step."""
    gone = Path(folder) / f".{name}.partial-removed"
    shutil.rmtree(gone, ignore_errors=True)
    os.rename(Path(folder) / name, gone)
    shutil.rmtree(gone, ignore_errors=True)


def remove_partial(folder: Path) -> None:
    """Removes what a killed process left half-written."""
    for path in Path(folder).glob(".*.partial*"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
