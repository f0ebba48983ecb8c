"""`key=value` behind a recipe's name: read by YAML's rules and laid into the recipe's data before anything is checked."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from anyformer.errors import ConfigError, Problem
from anyformer.run import yaml12
from anyformer.spec import Spec, field_types


def read(arguments: Iterable[str]) -> dict[str, Any]:
    """`["train.max_steps=10", ...]` as path -> value.

    Raises:
        ConfigError: every argument that is no `key=value`, or whose value is no YAML.
    """
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals or not key or not all(key.split(".")):
            problems.append(Problem(argument, "is no change of the recipe; write it as section.field=value, as in train.max_steps=1000"))
            continue
        try:
            found[key] = yaml12.parse_value(text)
        except ConfigError as error:
            problems.append(Problem(key, f"{text!r} is {error.problems[0].message}"))
    if problems:
        raise ConfigError(*problems)
    return found


def nest(data: Any) -> Any:
    """Keys with dots as mappings in mappings: `{"encoder.n_layers": 6}` is `{"encoder": {"n_layers": 6}}`."""
    if isinstance(data, list):
        return [nest(item) for item in data]
    if not isinstance(data, Mapping):
        return data
    made: dict[str, Any] = {}
    for key, value in data.items():
        *above, last = str(key).split(".")
        inner = made
        for name in above:
            below = inner.setdefault(name, {})
            if not isinstance(below, dict):
                below = inner[name] = {"kind": below}
            inner = below
        value = nest(value)
        both_mappings = isinstance(value, dict) and isinstance(inner.get(last), dict)
        inner[last] = inner[last] | value if both_mappings else value
    return made


def lay(data: dict[str, Any], path: str, value: Any, cls: type[Spec] | None = None) -> None:
    """Puts `value` at the dotted `path` of `data`, a mapping that describes a `cls`.

    What is not written on the way takes its default there, so that `train.optimizer.lr=1e-3` keeps the default optimizer.

    Raises:
        ConfigError: the path leads through a plain value, or to an index that is not there.
    """
    names = path.split(".")
    here: Any = data
    for i, name in enumerate(names[:-1]):
        below, cls = _step(here, name, cls, ".".join(names[: i + 1]))
        if isinstance(below, str) or below is None:
            below = {} if below is None else {"kind": below}
        elif not isinstance(below, (dict, list)):
            raise ConfigError(Problem(path, f"{'.'.join(names[: i + 1])} is a plain value and has no fields"))
        _put(here, name, below)
        here = below
    _step(here, names[-1], cls, path)
    if names[-1] == "kind" and isinstance(here, dict) and cls is not None:
        _keep_only_fields_of(here, cls, value)
    _put(here, names[-1], value)


def _keep_only_fields_of(data: dict[str, Any], old: type[Spec], kind: Any) -> None:
    """Another kind keeps what it shares with the old one: `tokenizer.kind=Unigram` keeps the vocabulary's size, and has no use for merges."""
    menus = (base.menu() for base in old.__mro__ if isinstance(base, type) and issubclass(base, Spec))
    new = next((menu[kind] for menu in menus if isinstance(kind, str) and kind in menu), None)
    if new is not None:
        hints = field_types(new)
        for name in set(data) - {"kind"}:
            if name not in hints or (data[name] is None and type(None) not in typing.get_args(hints[name])):  # `null` is a word's own "all there are"
                del data[name]


def _step(here: Any, name: str, cls: type[Spec] | None, path: str) -> tuple[Any, type[Spec] | None]:
    """What stands at `name` of `here` (its default where nothing is written), and its class as far as known."""
    if isinstance(here, list):
        if not name.isdigit() or int(name) >= len(here):
            raise ConfigError(Problem(path, f"expected an index below {len(here)}"))
        return here[int(name)], None
    hint, default = _field(cls, name)
    written = here.get(name)
    if written is None and isinstance(default, Spec):
        return default.to_dict(), type(default)
    kind = written.get("kind") if isinstance(written, dict) else written
    menu: dict[str, type[Spec]] = hint.menu() if isinstance(hint, type) and issubclass(hint, Spec) else {}
    if kind is None:
        return written, hint if menu else None
    return written, menu.get(kind) if isinstance(kind, str) else None


def _field(cls: type[Spec] | None, name: str) -> tuple[Any, Any]:
    if cls is None or not dataclasses.is_dataclass(cls):
        return None, None
    field = cls.__dataclass_fields__.get(name)
    if field is None:
        return None, None
    default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    return field_types(cls)[name], default


def _put(here: Any, name: str, value: Any) -> None:
    if isinstance(here, list):
        here[int(name)] = value
    else:
        here[name] = value
