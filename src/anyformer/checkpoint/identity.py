"""Whether a step belongs to a config: which fields differ, by their paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anyformer.errors import CheckpointError, Problem, join_path


def differences(saved: Any, here: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, saved value, value here) of every field in which two plain data structures differ."""
    if isinstance(saved, Mapping) and isinstance(here, Mapping):
        for key in [*saved, *(k for k in here if k not in saved)]:
            yield from differences(saved.get(key), here.get(key), join_path(path, str(key)))
    elif isinstance(saved, (list, tuple)) and isinstance(here, (list, tuple)) and len(saved) == len(here):
        for i, (a, b) in enumerate(zip(saved, here, strict=True)):
            yield from differences(a, b, join_path(path, str(i)))
    elif saved != here:
        yield path, saved, here


def check_same(saved: Any, here: Any, name: str) -> None:
    """Refuses a step whose recorded config is not the one here.

    Raises:
        CheckpointError: one problem for each differing field.
    """
    problems = [Problem(path, f"{a!r} in {name}, {b!r} here") for path, a, b in differences(saved, here)]
    if problems:
        raise CheckpointError(*problems, Problem(name, "is of another config: resume with the config of its run, or start a new run"))
