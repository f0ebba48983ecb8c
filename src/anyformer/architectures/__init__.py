"""Architectures are data: `get("transformer-base")` is a `Model.Config`, printable, comparable, changeable."""

import importlib
import pkgutil

from anyformer.architectures.registry import Architecture, architecture, arguments, families, find, get, known
from anyformer.architectures.scale import scaled

__all__ = ["Architecture", "architecture", "arguments", "families", "find", "get", "known", "scaled"]

for _file in pkgutil.iter_modules(__path__):  # importing a family registers it
    importlib.import_module(f"{__name__}.{_file.name}")
