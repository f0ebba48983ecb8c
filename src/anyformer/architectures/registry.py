"""Architectures by name. A file of this package defines one family: a function that returns a `Model.Config`, and its sizes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from anyformer.errors import ConfigError, Problem, nearest
from anyformer.model.model import Model


class Architecture(NamedTuple):
    name: str
    family: str
    year: int
    kind: str
    paper: str
    make: Callable[..., Model.Config]
    size: dict[str, Any]


_KNOWN: dict[str, Architecture] = {}


def architecture(
    sizes: dict[str, dict[str, Any]], *, family: str, year: int, kind: str, paper: str
) -> Callable[[Callable[..., Model.Config]], Callable[..., Model.Config]]:
    """Registers a function under the names of `sizes`, each with its keyword arguments; the family's name is its first size."""

    def register(make: Callable[..., Model.Config]) -> Callable[..., Model.Config]:
        for name, size in sizes.items():
            _KNOWN[name] = Architecture(name, family, year, kind, paper, make, size)
        return make

    return register


def known() -> dict[str, Architecture]:
    """All architectures, by name."""
    return dict(_KNOWN)


def find(name: str) -> Architecture:
    """The architecture called `name`, or the first size of the family of that name."""
    if name in _KNOWN:
        return _KNOWN[name]
    for found in _KNOWN.values():
        if found.family == name:
            return found
    raise ConfigError(Problem("architecture", f"unknown architecture '{name}'{nearest(name, [*_KNOWN, *(a.family for a in _KNOWN.values())])}"))


def arguments(name: str) -> dict[str, inspect.Parameter]:
    """What `get(name, ...)` takes by keyword."""
    return dict(inspect.signature(find(name).make).parameters)


def get(name: str, **changes: Any) -> Model.Config:
    """The config of `name`; `changes` are keyword arguments of its function (`d_model=128`, `vocab_size=8000`).

    Raises:
        ConfigError: for an unknown name, an unknown argument, or a config that cannot be.
    """
    found = find(name)
    takes = arguments(name)
    wrong = [Problem(key, f"{found.family} takes no such argument{nearest(key, takes)}") for key in changes if key not in takes]
    if wrong:
        raise ConfigError(*wrong)
    return found.make(**{**found.size, **changes})
