"""How verbs take the name of a model: with changes behind it, and a size."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from anyformer.errors import InputError
from anyformer.run import overrides


def add_scale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scale", metavar="SIZE", help="the same architecture at another size: tiny, or parameters without embeddings (10M, 1.5B)")


def names_and_changes(arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """`["gpt2", "n_layers=3"]` as names and changes; a change has its `=` behind a plain key."""
    return [a for a in arguments if not _is_change(a)], overrides.read(a for a in arguments if _is_change(a))


def name_and_changes(arguments: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The one name, and the changes.

    Raises:
        InputError: there is no name, or several.
    """
    names, changes = names_and_changes(arguments)
    if len(names) != 1:
        given = f", not {len(names)} ({' '.join(names)})" if names else ""
        raise InputError(f"give one name{given}: an architecture (`anyformer list`), a config or recipe, or a run")
    return names[0], changes


def _is_change(argument: str) -> bool:
    return "=" in argument and "/" not in argument.partition("=")[0]
