"""What people get wrong, said so that they can put it right.

Every error that a user can cause is an `AnyformerError`; it holds all problems found at once, each with the path of
the field (or file, or line) it is about. The command line prints it in a few lines and exits with 2.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong: where (`model.encoder.n_layers`, `train.en:17`) and what, with the way out."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def under(self, prefix: str) -> Problem:
        return Problem(join_path(prefix, self.path), self.message)


class AnyformerError(Exception):
    """Base of all errors that the input causes. `problems` holds each of them."""

    def __init__(self, *problems: str | Problem):
        self.problems = [p if isinstance(p, Problem) else Problem("", p) for p in problems]
        super().__init__("\n".join(str(p) for p in self.problems))


class ConfigError(AnyformerError):
    """A config that cannot be built, or does not say what it means."""


class InputError(AnyformerError):
    """A file, a corpus, a text or an argument that cannot be used."""


class CheckpointError(AnyformerError):
    """A run folder or a checkpoint that is not whole, or not of this model."""


class ConversionError(AnyformerError):
    """Weights or a config of another tool that cannot be taken over exactly."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a mistyped name: ` (did you mean 'x'?)`, or the known names where there are few."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f" (did you mean '{close[0]}'?)"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= 30 else ""


def counted(n: float, one: str) -> str:
    """`1 pair`, `1,234 pairs`, `2.5 minutes`."""
    return f"{n:,} {one}s" if isinstance(n, int) and n != 1 else f"{n:,g} {one}{'' if n == 1 else 's'}"


def file_of(error: OSError) -> str:
    """The path that an error of the file system is about, as text (libraries give it as bytes too); empty where it names none."""
    return os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes, os.PathLike)) else ""


def join_path(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix and path else prefix or path
