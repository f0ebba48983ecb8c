"""What holds for a config, by what holds for its parts.

causal: a token's output does not depend on later tokens (in a stack whose masks are causal)
cached: step by step with a cache gives what one pass gives
packed: documents packed into a row give what each gives alone
batched: rows padded to one length give what each gives alone
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import torch

from anyformer.parts.mask import Mask
from anyformer.parts.place import Place
from anyformer.spec import Spec

ALL = frozenset({"causal", "cached", "packed", "batched"})


def guarantees_of(config: Spec) -> frozenset[str]:
    """What all parts of `config` promise."""
    held = ALL
    for _, part in _walk(config, ""):
        held &= _of(part)
    return held


def lacking(config: Spec, guarantee: str) -> list[tuple[str, Spec]]:
    """(path, part) for each part of `config` for which `guarantee` does not hold by itself."""
    return [(path, part) for path, part in _walk(config, "") if guarantee not in _of(part)]


@functools.cache
def sees_later(mask: Mask) -> bool:
    """Whether a query sees a key behind it where no prefix is open."""
    with torch.device("cpu"):  # also while a model without numbers is built
        index = torch.arange(128)
        place = Place(index, index.unsqueeze(0), None)
        return bool(mask.allows(place, place).expand(1, 128, 128).triu(1).any())


def _of(part: Spec) -> frozenset[str]:
    says = getattr(part, "guarantees", None)
    return ALL if says is None else says()


def _walk(value: Any, path: str) -> Iterator[tuple[str, Spec]]:
    if isinstance(value, Spec):
        yield path, value
        for field in dataclasses.fields(value):  # type: ignore[arg-type]
            yield from _walk(getattr(value, field.name), f"{path}.{field.name}" if path else field.name)
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _walk(item, f"{path}.{i}")
