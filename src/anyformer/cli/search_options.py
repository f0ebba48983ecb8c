"""Options that say how a translation is looked for; the same on every verb that decodes."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from anyformer.errors import InputError, Problem

if TYPE_CHECKING:
    from anyformer.decoding import SearchConfig

OPTIONS: tuple[tuple[str, type, str], ...] = (
    ("beam", int, "hypotheses kept at each step; 1 is greedy (default: the recipe's)"),
    ("n_best", int, "translations handed back for each text, best first (default: 1)"),
    ("length_penalty", float, "score = sum of log-probabilities / length^penalty (default: the recipe's)"),
    ("min_length", int, "fewest tokens"),
    ("max_length", int, "most tokens"),
    ("repetition_penalty", float, "above 1: tokens already there become less likely"),
    ("no_repeat_ngram", int, "no n-gram of this length twice (0: allowed)"),
    ("temperature", float, "above 0: draw tokens instead of searching; 1 is the model's own distribution"),
    ("top_k", int, "draw from the k most probable tokens"),
    ("top_p", float, "draw from the fewest tokens that hold this much probability"),
    ("seed", int, "of the draws (default: 0)"),
)


def add(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """Adds the options but for those, by name, that a verb has no use for."""
    group = parser.add_argument_group("search")
    for name, of, text in OPTIONS:
        if name in without:
            continue
        group.add_argument("--" + name.replace("_", "-"), type=of, metavar="N" if of is int else "X", help=text)


def given(args: argparse.Namespace, base: SearchConfig | None = None) -> dict[str, Any]:
    """The options that were given, by the names of `SearchConfig`; sampling needs no --beam 1 beside it.

    Args:
        base: the search that they change, which may draw already.

    Raises:
        InputError: a seed where nothing is drawn.
    """
    found = {name: value for name, _, _ in OPTIONS if (value := getattr(args, name, None)) is not None}
    if "seed" in found and not found.get("temperature", base.temperature if base else 0.0):
        raise InputError(Problem("--seed", "is of the draws, and nothing is drawn here; give --temperature as well (1 is the model's own distribution)"))
    if found.get("temperature", 0) > 0:
        found.setdefault("beam", 1)
    if "beam" not in found and found.get("n_best", 1) > 1 and not found.get("temperature"):
        found["beam"] = max(found["n_best"], 5)
    return found
