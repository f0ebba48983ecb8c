"""What a Hugging Face family is to us: its config as ours, ours as its, and the names of its tensors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from anyformer.checkpoint.identity import differences
from anyformer.errors import ConfigError, ConversionError, Problem, nearest
from anyformer.interop.hf.canonical import canonical
from anyformer.interop.hf.keys import INERT, Keys
from anyformer.interop.rule import Rule, bind
from anyformer.model.model import Model


class Differs(ConversionError):
    """The family has all these parts, but not with these values."""


@dataclass(frozen=True)
class Family:
    """One `model_type`.

    Fields:
        architectures: class names (`LlamaForCausalLM`) that this family reads; the first is written.
        read: config.json -> our config; takes every key that changes the mathematics.
        write: our config -> config.json, as far as the family can say it. What it cannot say may be ignored: `written` reads the
            result back and refuses every difference.
        rules: the names of both sides, for this config.
        inert: keys beyond `keys.INERT` that do not change the mathematics.
        prefix: of the base model (`transformer`), which some files leave out.
        old_names: endings of names in older files -> their names today.
    """

    model_type: str
    architectures: tuple[str, ...]
    read: Callable[[Keys], Model.Config]
    write: Callable[[Model.Config], dict[str, Any]]
    rules: Callable[[Model.Config], list[Rule]]
    inert: frozenset[str] = frozenset()
    prefix: str | None = None
    old_names: Mapping[str, str] = field(default_factory=dict)

    def config(self, data: Mapping[str, Any], files: Collection[str] | None = None) -> Model.Config:
        """Our config for a config.json, and the names in the files beside it where they decide.

        Raises:
            ConversionError: a class, a value or a key that is not supported; each by name.
        """
        wrong = [name for name in data.get("architectures") or () if name not in self.architectures]
        if wrong:
            known = ", ".join(self.architectures)
            raise ConversionError(Problem("architectures", f"{wrong[0]} is not supported; of {self.model_type}: {known}"))
        keys = Keys(data, files=files)
        try:
            config = self.read(keys)
        except ConfigError as error:
            raise ConversionError(*error.problems) from None
        if unread := list(keys.unread(INERT | self.inert)):
            raise ConversionError(*unread)
        return config

    def written(self, config: Model.Config) -> dict[str, Any]:
        """config.json for our config, proven by reading it back.

        Raises:
            ConversionError: what in the config this family cannot say.
        """
        data = {"architectures": [self.architectures[0]], "model_type": self.model_type, **self.write(config)}
        try:
            back = self.config(data, self.names(config))
        except ConversionError as error:
            raise ConversionError(*(Problem(p.path, f"{p.message} (as {self.model_type} would say it)") for p in error.problems)) from None
        if problems := list(self._told(canonical(config), canonical(back))):
            raise Differs(*problems)
        return data

    def names(self, config: Model.Config) -> set[str]:
        """Their names of the tensors that this config has."""
        with torch.device("meta"):
            held = config.build().state_dict()
        return {name for r in bind(self.rules(config), held) if r.ours for name in r.theirs}

    def _told(self, ours: dict[str, Any], back: dict[str, Any]) -> Iterator[Problem]:
        """The differences; what differs in many layers alike is told for the first of them."""
        told = set()
        for path, mine, theirs in differences(ours, back):
            kind = re.sub(r"layers\.\d+", "layers", path), repr(mine), repr(theirs)
            if kind not in told:
                yield Problem(path, f"is {mine!r}; {self.model_type} can only have {theirs!r}")
            told.add(kind)

    def renamed(self, names: Collection[str], rules: Sequence[Rule]) -> Callable[[str], str]:
        """A function from names as they stand in a file to names as the rules write them."""
        bare = self.prefix is not None and not any(name.startswith(f"{self.prefix}.") for name in names)
        beside = {r.theirs[0].split(".")[0] for r in rules}  # heads, which stand beside the base model

        def today(name: str) -> str:
            for old, new in self.old_names.items():
                if name.endswith(old):
                    name = name.removesuffix(old) + new
            return f"{self.prefix}.{name}" if bare and name.split(".")[0] not in beside else name

        return today


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ConversionError: there is no such file, or it holds something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConversionError(Problem(str(path), "is missing: a checkpoint is a folder with config.json and weights")) from None
    except (OSError, ValueError) as error:
        raise ConversionError(Problem(str(path), f"is no JSON: {error}")) from None
    if not isinstance(data, dict):
        raise ConversionError(Problem(str(path), "holds no JSON object"))
    return data


_FAMILIES: dict[str, Family] = {}


def register(family: Family) -> Family:
    """Makes the family known to `from_hf` and `save_hf`."""
    _FAMILIES[family.model_type] = family
    return family


def families() -> dict[str, Family]:
    """All families, by model_type; `save_hf` tries them in this order."""
    return dict(_FAMILIES)


def find(model_type: Any) -> Family:
    """The family of a config.json.

    Raises:
        ConversionError: it is not supported.
    """
    if model_type not in _FAMILIES:
        raise ConversionError(Problem("model_type", f"{model_type!r} is not supported{nearest(str(model_type), _FAMILIES)}"))
    return _FAMILIES[model_type]
