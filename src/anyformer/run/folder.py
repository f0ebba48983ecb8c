"""Run folders: where they lie, how they are named, what makes a folder one.

A run is a folder with a `config.yaml` that this program wrote: the whole resolved recipe, and under `run` what made it.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anyformer.errors import CheckpointError, ConfigError, InputError, Problem
from anyformer.run import lock, yaml12
from anyformer.run.appearing import appearing, content
from anyformer.run.versions import command_line, versions

RUNS = Path("runs")
FORMAT = 1  # of the run folder; raised when an older reader would misread a newer folder


# ---- making one


def number(recipe: str, root: Path = RUNS) -> Path:
    """The next free `runs/<recipe>-<number>`."""
    taken = [int(m[1]) for p in _children(root) if (m := re.fullmatch(re.escape(recipe) + r"-(\d+)", p.name))]
    return root / f"{recipe}-{max(taken, default=0) + 1}"


def check_free(out: Path, overwrite: bool = False) -> None:
    """Whether a new run may be made in `out`; nothing is changed.

    Raises:
        InputError: it exists and holds something; `overwrite` takes it all the same, but only if it is a run in which nobody trains.
    """
    if who := lock.holder(out):
        raise lock.taken(out, who)
    _check_content(out, overwrite)


def _check_content(out: Path, overwrite: bool) -> None:
    if not (out.is_symlink() or out.exists()):
        return
    if not out.is_dir():
        raise InputError(Problem(str(out), "is a file; give a folder to --out"))
    if not content(out):
        return
    if not overwrite:
        way = "--resume auto goes on with it, --overwrite replaces it" if is_run(out) else "take another --out"
        raise InputError(Problem(str(out), f"this folder exists and is not empty; {way}"))
    if not is_run(out):
        raise InputError(Problem(str(out), "this folder is no run, so --overwrite does not remove it; take another --out"))


@contextlib.contextmanager
def create(out: Path, overwrite: bool = False) -> Iterator[Path]:
    """Makes the folder of a new run, empty, and keeps other trainings out of it for as long as the block runs.

    Raises:
        InputError: as `check_free`; or another process trains in it.
    """
    check_free(out, overwrite)
    out.mkdir(parents=True, exist_ok=True)
    with lock.hold(out):
        _check_content(out, overwrite)  # again: another may have trained here until now
        for path in content(out):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        yield out


@contextlib.contextmanager
def create_whole(out: Path, overwrite: bool = False) -> Iterator[Path]:
    """As `create`, of a run that is there at the end of the block or not at all; what it replaces stays until then. Yields where to write it.

    Raises:
        InputError: as `create`.
        OSError: of the file system, which names `out`.
    """
    check_free(out, overwrite)
    with appearing(out, lambda: _check_content(out, overwrite)) as partial:
        yield partial


@contextlib.contextmanager
def create_numbered(recipe: str, root: Path = RUNS) -> Iterator[Path]:
    """As `create`, of the next free `runs/<recipe>-<number>`; of two that come at once each gets its own."""
    while True:
        out = number(recipe, root)
        with contextlib.suppress(FileExistsError):
            out.mkdir(parents=True)
            break
    with create(out):
        yield out


def write_config(folder: Path, recipe: dict[str, Any], resumed: bool = False, **facts: Any) -> None:
    """Writes config.yaml: the resolved recipe, and what made it. Atomic: beside it, then renamed.

    A run that goes on keeps what stood there under `run`, and adds how it was called this time.
    """
    made: dict[str, Any] = {"at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "command": command_line(), "versions": versions()}
    if resumed:
        before = read_config(folder)["run"]
        made = before | {"resumed": [*before.get("resumed", []), made]}
    else:
        made = {"format": FORMAT} | facts | made
    data = {k: v for k, v in recipe.items() if k != "run"} | {"run": made}
    text = "# The whole resolved run; `anyformer train` takes this file as a recipe.\n" + yaml12.dump(data)
    beside = folder / "config.yaml.tmp"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / "config.yaml")


# ---- finding them


def is_run(folder: Path) -> bool:
    return (folder / "config.yaml").is_file()


def open_run(path: str | Path) -> Path:
    """The folder of an existing run.

    Raises:
        InputError: there is none; the message names the runs that there are.
    """
    if path == "":
        raise InputError("the name of the run is empty; give its folder, . for the current one")
    path = Path(path)
    if path.is_file():
        path = path.parent
    if is_run(path):
        return path
    beside = RUNS / path.name
    if not path.exists() and is_run(beside):
        return beside
    around = {p.resolve(): p for root in (RUNS, path.parent, path) for p in runs(root)}
    known = ", ".join(str(p) for p in sorted(around.values(), key=_written)[-5:])
    others = f"the newest runs: {known}" if known else f"there are no runs in {RUNS} or {_named(path.parent)}; `anyformer demo` makes one"
    what = "is no run (it has no config.yaml)" if path.exists() else "there is no such run"
    raise InputError(Problem(_named(path), f"{what}; {others}"))


def runs(root: Path = RUNS) -> list[Path]:
    """All runs in `root`, oldest first; hidden ones are not yet runs."""
    return sorted((p for p in _children(root) if is_run(p) and not p.name.startswith(".")), key=_written)


def latest(recipe: str, root: Path = RUNS) -> Path | None:
    """The newest run of this recipe."""
    found = [p for p in runs(root) if re.fullmatch(re.escape(recipe) + r"-(\d+)", p.name)]
    return found[-1] if found else None


def read_config(folder: Path) -> dict[str, Any]:
    """config.yaml as plain data.

    Raises:
        CheckpointError: it cannot be read, or another format version wrote it.
    """
    path = folder / "config.yaml"
    try:
        data = yaml12.parse(path.read_text(encoding="utf-8"), str(path)).data
    except (OSError, UnicodeDecodeError, ConfigError) as error:
        raise CheckpointError(Problem(str(path), f"cannot be read: {error}")) from None
    if not isinstance(data, dict) or not isinstance(data.get("run"), dict):
        raise CheckpointError(Problem(str(path), "is not what a training run writes: its section `run` is missing"))
    if data["run"].get("format") != FORMAT:
        raise CheckpointError(Problem(str(path), f"has format {data['run'].get('format')}; this version reads format {FORMAT}: use the version that wrote it"))
    return data


def last_metrics(folder: Path) -> dict[str, Any]:
    """The newest values of metrics.jsonl, each under its name; empty where there are none."""
    found: dict[str, Any] = {}
    path = folder / "metrics.jsonl"
    if path.is_file():
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    found |= json.loads(line)
                except (ValueError, TypeError):
                    continue  # a line cut short by a kill
    return found


def _written(run: Path) -> float:
    return (run / "config.yaml").stat().st_mtime


def _named(path: Path) -> str:
    """A path as people know it: not `.`."""
    return str(path) if path.name and path.name != ".." else str(path.resolve())


def _children(root: Path) -> list[Path]:
    return [p for p in root.iterdir() if p.is_dir()] if root.is_dir() else []
