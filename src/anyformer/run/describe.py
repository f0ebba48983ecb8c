"""`describe(x)`: what a model is and costs, trained or not; `diff(a, b)`: what makes two of them different; `draw(x, "x.svg")`: its block diagram."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anyformer.inspection.description import CONTEXT, Description
from anyformer.inspection.diff import Difference
from anyformer.inspection.diff import diff as diff_of
from anyformer.inspection.draw import draw as draw_to
from anyformer.model.model import Model
from anyformer.run.resolve import resolve


def describe(thing: str | Path | Model.Config | Model | Any, *, scale: str | int | float | None = None, **changes: Any) -> Description:
    """What `thing` is and costs. Nothing is allocated, however large it is.

    Args:
        thing: a model or its config, a `Run`, or a name: an architecture's, of a file with a config or a recipe, of a run's folder.
        scale: the same architecture at another size: `tiny`, or parameters without embeddings as `10M`.
        changes: arguments of the architecture (`vocab_size=8000`); in a dict, `**{"decoder.n_layers": 6}`, any path into the config.

    Raises:
        InputError: nothing has this name.
        ConfigError: a change that cannot be, or a size that cannot be reached.
    """
    return described(thing, changes, scale)


def described(thing: Any, changes: Mapping[str, Any], scale: str | int | float | None = None) -> Description:
    """`describe` with the changes as a mapping, whatever their names are."""
    found = resolve(thing, changes, scale)
    return Description(found.name, found.config, found.architecture, found.context, found.note)


def diff(a: Any, b: Any, *, scale: str | int | float | None = None) -> Difference:
    """What makes `b` of `a`, aspect by aspect, with the cost of each change. Both are given as to `describe`.

    Args:
        scale: both at another size.
    """
    return differing(a, b, {}, scale)


def differing(a: Any, b: Any, changes: Mapping[str, Any], scale: str | int | float | None = None) -> Difference:
    """`diff`, with changes made to the second."""
    one, other = resolve(a, {}, scale), resolve(b, changes, scale)
    return diff_of(one.config, other.config, (one.name, other.name), (one.context or CONTEXT, other.context or CONTEXT))


def draw(thing: Any, path: str | Path, *, scale: str | int | float | None = None, **changes: Any) -> Path:
    """Draws `thing`, given as to `describe`, as a block diagram: SVG or PNG, as the name of the file ends.

    Raises:
        InputError: it ends in something else, or nothing has this name.
    """
    return drawn(thing, path, changes, scale)


def drawn(thing: Any, path: str | Path, changes: Mapping[str, Any], scale: str | int | float | None = None) -> Path:
    """`draw` with the changes as a mapping."""
    found = resolve(thing, changes, scale)
    return draw_to(found.config, path, found.name + (f" ({found.note})" if found.note else ""))


def of_config(config: Model.Config, name: str, trained_on: int | None = None) -> Description:
    """The description of a config that has a name."""
    return Description(name, config, trained_on=trained_on)
