"""A config at another size: how a new width, depth and context go through all its parts.

A part whose config has sizes of its own says what becomes of them with `@changes.register` (`resize` has those of this package);
an attention says with `@fit.register` which heads it takes. What says nothing stays as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import singledispatch
from typing import Any, NamedTuple, TypeVar

from anyformer.parts.attention import Attention
from anyformer.spec import Spec

S = TypeVar("S", bound=Spec)


class Dial(NamedTuple):
    """How everything changes. Pairs are (before, after)."""

    d_model: tuple[int, int]
    layers: Mapping[str, tuple[int, int]]  # by side
    experts: int  # at most so many
    context: float  # share of the lengths that is kept
    head: tuple[int, int] = (1, 1)  # width of the heads of the attention that is being changed
    stretch: float = 1.0  # of d_ff, beyond its ratio to d_model

    def wide(self, width: int) -> int:
        """A width that goes with d_model; a multiple of 4 where it was one and is not small."""
        new = width * self.d_model[1] / self.d_model[0]
        return 4 * round(new / 4) if new >= 128 and width % 4 == 0 else max(1, round(new))

    def even(self, width: int) -> int:
        """A width that goes with the heads', even if it was."""
        return even(width * self.head[1] / self.head[0], width)

    def long(self, length: int, at_least: int = 8) -> int:
        """A length that goes with the context."""
        return max(min(length, at_least), round(length * self.context))


def even(new: float, width: int) -> int:
    """`new` as a whole number, even where `width` was."""
    return max(2, 2 * round(new / 2)) if width % 2 == 0 else max(1, round(new))


class Heads(NamedTuple):
    n_heads: int
    n_kv_heads: int
    head_dim: int
    strain: float  # how far from what one would like


class NoFit(Exception):
    """No heads fit this width."""


@singledispatch
def changes(config: Spec, dial: Dial) -> dict[str, Any]:
    """Which of its own fields change."""
    return {}


@singledispatch
def fit(attention: Attention.Config, dial: Dial) -> Heads:
    """The heads of an attention at the new width."""
    raise NotImplementedError(f"{type(attention).__qualname__} does not say which heads it has at another width; register it with architectures.dial.fit")


def resize(value: S, dial: Dial) -> S:
    """The same kind of config at the dial's size."""
    if isinstance(value, Attention.Config):
        dial = dial._replace(head=(value.heads(dial.d_model[0])[1], fit(value, dial).head_dim))
    inner = {f.name: _resize(getattr(value, f.name), dial) for f in dataclasses.fields(value)}  # type: ignore[arg-type]
    return dataclasses.replace(value, **(inner | changes(value, dial)))  # type: ignore[type-var]


def _resize(value: Any, dial: Dial) -> Any:
    if isinstance(value, tuple):
        return tuple(_resize(v, dial) for v in value)
    return resize(value, dial) if isinstance(value, Spec) else value
