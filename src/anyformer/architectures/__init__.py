"""Architectures are data: `get("transformer-base")` is a `Model.Config`, printable, comparable, changeable."""

from anyformer.architectures import transformer  # importing a family registers it
from anyformer.architectures.registry import Architecture, arguments, find, get, known

__all__ = ["Architecture", "arguments", "find", "get", "known", "transformer"]
