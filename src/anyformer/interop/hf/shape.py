"""What `write` functions ask of our config: parts of the class that the family has, and all layers alike."""

from __future__ import annotations

from typing import Any, TypeVar

from anyformer.checkpoint.identity import differences
from anyformer.errors import ConversionError, Problem
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.block import Block

T = TypeVar("T")


def only(value: Any, kind: type[T], path: str) -> T:
    """`value`, if it is of this class.

    Raises:
        ConversionError: it is missing, or another part.
    """
    if isinstance(value, kind):
        return value
    has = "there is none" if value is None else f"is {getattr(value, 'kind', lambda: value)()}"
    raise ConversionError(Problem(path, f"{has}; it can only have {getattr(kind, 'kind', lambda: kind.__name__)()}"))


def decoder_only(config: Model.Config) -> Stack.Config:
    """The decoder of a model that has nothing else."""
    if config.encoder is not None:
        raise ConversionError(Problem("encoder", "it has a decoder alone"))
    return only(config.decoder, Stack.Config, "decoder")


def alike(stack: Stack.Config, path: str) -> Block.Config:
    """The block that all layers have.

    Raises:
        ConversionError: they differ; names the first differing field.
    """
    first, *rest = stack.layers()
    for i, layer in enumerate(rest, 1):
        if layer != first:
            where, here, there = next(differences(layer.to_dict(), first.to_dict()))
            raise ConversionError(Problem(f"{path}.layers.{i}.{where}", f"is {here!r}, and {there!r} in layer 0; all layers must be alike"))
    return first
