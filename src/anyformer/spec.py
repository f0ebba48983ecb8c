"""Configs: frozen descriptions that read from and write to YAML and JSON.

A config's class is the choice and a field's type is the menu: a field of type `Norm.Config` takes the `Config` of any
`Norm`. In data the choice is `kind: RMSNorm`; a bare `RMSNorm` means its defaults. Types that have a notation of their
own (masks) define `from_text` and `to_text`.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self, TypeVar, Union, dataclass_transform

from anyformer.errors import ConfigError, Problem, join_path, nearest

S = TypeVar("S", bound="Spec")

LARGEST = 2**62  # of whole numbers: sums of two still fit into the 64 bits that tensors count in


@dataclass_transform(frozen_default=True, kw_only_default=True)
def spec(cls: type[S]) -> type[S]:
    """Makes a subclass of `Spec` a frozen, hashable dataclass with keyword-only fields that can be chosen by its kind."""
    made = dataclasses.dataclass(frozen=True, kw_only=True, repr=False)(cls)
    made.__concrete__ = made
    return made


class Spec:
    """A frozen, hashable description. Subclasses are decorated with `@spec`; without it they are only a menu."""

    __concrete__: typing.ClassVar[type | None] = None

    # ---- what a subclass may say

    def problems(self) -> Iterator[tuple[str, str]]:
        """(field, message) for each value that cannot be; runs whenever a config is made."""
        return iter(())

    def __post_init__(self) -> None:
        found = [Problem(name, message) for name, message in self.problems()]
        if found:
            raise ConfigError(*found)

    # ---- names

    @classmethod
    def kind(cls) -> str:
        """`RMSNorm` for `RMSNorm.Config`, the class's own name for other specs."""
        return cls.__qualname__.removesuffix(".Config").rpartition(".")[2]

    @classmethod
    def menu(cls) -> dict[str, type[Self]]:
        """What a field of this type takes: kind -> class."""
        found = {cls.kind(): cls} if cls.__concrete__ is cls else {}
        for child in cls.__subclasses__():
            found |= child.menu()
        return found

    # ---- data

    def to_dict(self) -> dict[str, Any]:
        """Plain data (dict, list, str, numbers, None) from which `from_dict` makes an equal config."""
        return {"kind": self.kind()} | {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, data: Any, path: str = "") -> Self:
        """The config that `data` describes, of this type or one on its menu.

        Raises:
            ConfigError: names the path and the nearest known name of every unknown kind or field and every value of a wrong type.
        """
        return read_value(cls, data, path)

    # ---- changes

    def override(self, path: str, value: Any) -> Self:
        """A copy with the field at `path` changed: `decoder.blocks.0.attention.n_heads`; `*` means every item.

        `value` is a config, or data as in `from_dict`; a mapping without `kind` changes only the fields that it names.
        """
        return _override(type(self), self, path.split("."), value, "")

    def override_child(self, name: str, rest: list[str], value: Any, path: str) -> Self | None:
        """Hook for a spec whose paths have names that are no fields (`layers.3` of a stack); None: no such name."""
        return None

    def __repr__(self) -> str:
        changed = (f for f in dataclasses.fields(self) if getattr(self, f.name) != f.default)  # type: ignore[arg-type]
        name = type(self).__qualname__
        return f"{name}({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in changed)})"


# ---- reading


def read_value(expected: Any, value: Any, path: str) -> Any:
    """`value`, checked and converted to the type `expected` (a type hint); raises ConfigError with `path`."""
    origin, args = typing.get_origin(expected), typing.get_args(expected)
    if expected is Any:
        return value
    if origin in (Union, types.UnionType):
        return _read_union(args, value, path)
    if origin is Literal:
        if value in args:
            return value
        names = [str(a) for a in args]
        raise ConfigError(Problem(path, f"{value!r} is not one of {', '.join(names)}{nearest(str(value), names) if isinstance(value, str) else ''}"))
    if origin is tuple:
        return _read_tuple(args, value, path)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(Problem(path, f"expected a mapping, got {_name(value)}"))
        return {str(k): read_value(args[1], v, join_path(path, str(k))) for k, v in value.items()}
    if isinstance(expected, type) and issubclass(expected, Spec):
        return _read_spec(expected, value, path)
    return _read_plain(expected, value, path)


def _read_union(choices: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None and type(None) in choices:
        return None
    rest = [c for c in choices if c is not type(None)]
    if len(rest) == 1:
        return read_value(rest[0], value, path)
    problems: list[Problem] = []
    for choice in rest:
        try:
            return read_value(choice, value, path)
        except ConfigError as error:
            problems += error.problems
    raise ConfigError(problems[0])


def _read_tuple(args: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        value = [value]
    if args[-1] is not Ellipsis and len(args) != len(value):
        raise ConfigError(Problem(path, f"expected {len(args)} values, got {len(value)}"))
    of = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
    return tuple(_collect([functools.partial(read_value, t, v, join_path(path, str(i))) for i, (t, v) in enumerate(zip(of, value, strict=True))]))


def _read_spec(expected: type[Spec], value: Any, path: str) -> Spec:
    if isinstance(value, expected):
        return value
    menu = expected.menu()
    if isinstance(value, str):
        from_text = getattr(expected, "from_text", None)
        return from_text(value, path) if from_text else _make(_choose(menu, value, path), {}, path)
    if not isinstance(value, Mapping):
        raise ConfigError(Problem(path, f"expected {_kinds(menu)}, got {_name(value)}"))
    given = {str(k): v for k, v in value.items()}
    kind = given.pop("kind", None)
    if kind is None:
        concrete = expected if expected.__concrete__ is expected else next(iter(menu.values())) if len(menu) == 1 else None
        if concrete is None:
            raise ConfigError(Problem(path, f"needs a kind: {_kinds(menu)}"))
    else:
        concrete = _choose(menu, kind, path)
    return _make(concrete, given, path)


def _make(cls: type[Spec], given: dict[str, Any], path: str) -> Spec:
    hints = field_types(cls)
    problems = [Problem(join_path(path, k), f"unknown field{nearest(k, hints)}") for k in given if k not in hints]
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    for f in fields:
        if f.name not in given and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            problems.append(Problem(join_path(path, f.name), "is missing"))
    defaults = {f.name: f.default for f in fields}
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name in hints:
            try:
                read[name] = read_value(hints[name], _completed(value, defaults[name]), join_path(path, name))
            except ConfigError as error:
                problems += error.problems
    if problems:
        unread = {name: defaults[name] for name in given if name in hints and name not in read}
        raise ConfigError(*problems, *_of_the_rest(cls, read, unread, path))
    try:
        return cls(**read)
    except ConfigError as error:
        raise ConfigError(*(p.under(path) for p in error.problems)) from None


def _completed(value: Any, default: Any) -> Any:
    """A mapping without a kind changes fields of the default: `optimizer: {lr: 1e-2}` is the default optimizer with another rate."""
    if isinstance(default, Spec) and isinstance(value, Mapping) and "kind" not in value and not hasattr(default, "to_text"):
        return default.to_dict() | dict(value)
    return value


def _of_the_rest(cls: type[Spec], read: dict[str, Any], unread: Mapping[str, Any], path: str) -> list[Problem]:
    """What else is wrong, so that all is told at once: fields that could not be read are looked at as their defaults, and nothing is said of them."""
    needed = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING]  # type: ignore[arg-type]
    if any(name not in read for name in needed) or any(default in (None, dataclasses.MISSING) for default in unread.values()):
        return []
    try:
        cls(**read)
    except ConfigError as error:
        return [p.under(path) for p in error.problems if p.path.partition(".")[0] not in unread]
    return []


def _choose(menu: dict[str, type[Any]], kind: Any, path: str) -> type[Any]:
    if kind not in menu:
        raise ConfigError(Problem(path, f"unknown kind '{kind}'{nearest(str(kind), menu)}"))
    return menu[kind]


def _read_plain(expected: type, value: Any, path: str) -> Any:
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) and expected is not bool or not isinstance(value, expected):
        raise ConfigError(Problem(path, f"expected {_TYPE_NAMES.get(expected, expected.__name__)}, got {_name(value)}"))
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ConfigError(Problem(path, f"{value} is more than any computer counts to; take at most {LARGEST}"))
    return value


_TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _name(value: Any) -> str:
    return "nothing" if value is None else f"{value!r}"


def _kinds(menu: Mapping[str, Any]) -> str:
    return "one of " + ", ".join(sorted(menu))


def _collect(readers: list[Any]) -> list[Any]:
    """Runs all readers and raises the problems of all that fail, together."""
    values, problems = [], []
    for read in readers:
        try:
            values.append(read())
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return values


@functools.cache
def _field_types(cls: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls)}


def field_types(cls: type) -> dict[str, Any]:
    """Field name -> type hint, resolved."""
    return _field_types(cls)


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        to_text = getattr(value, "to_text", None)
        return to_text() if to_text else value.to_dict()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return value


# ---- changing


def _override(expected: Any, current: Any, names: list[str], value: Any, path: str) -> Any:
    """`current`, of type `expected`, with what lies at `names` below it replaced; `path` is where `current` lies."""
    if not names:
        if isinstance(current, Spec) and isinstance(value, Mapping) and "kind" not in value:
            value = current.to_dict() | dict(value)
        return read_value(expected, value, path)
    name, rest = names[0], names[1:]
    here = join_path(path, name)
    if isinstance(current, tuple):
        item_type = typing.get_args(_without_none(expected))[0]
        chosen = range(len(current)) if name == "*" else [_index(name, len(current), here)]
        return tuple(_override(item_type, item, rest, value, join_path(path, str(i))) if i in chosen else item for i, item in enumerate(current))
    if current is None:
        raise ConfigError(Problem(here, f"there is nothing to change here: {path or 'the config'} is not set"))
    if not isinstance(current, Spec):
        raise ConfigError(Problem(here, f"{path} is a plain value and has no fields"))
    hints = field_types(type(current))
    if name not in hints:
        changed = current.override_child(name, rest, value, path)
        if changed is None:
            raise ConfigError(Problem(here, f"unknown field{nearest(name, hints)}"))
        return changed
    new = _override(hints[name], getattr(current, name), rest, value, here)
    try:
        return dataclasses.replace(current, **{name: new})  # type: ignore[type-var]
    except ConfigError as error:
        raise ConfigError(*(p.under(path) for p in error.problems)) from None


def _without_none(hint: Any) -> Any:
    rest = [a for a in typing.get_args(hint) if a is not type(None)]
    return rest[0] if typing.get_origin(hint) in (Union, types.UnionType) else hint


def _index(name: str, length: int, path: str) -> int:
    if not name.isdigit() or int(name) >= length:
        raise ConfigError(Problem(path, f"expected an index below {length}, or *"))
    return int(name)
