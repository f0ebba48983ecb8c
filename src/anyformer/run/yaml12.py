"""YAML as its 1.2 core schema reads it: `1e-6` is a number, `no` and `on` are words; data only, nothing is ever executed.

PyYAML's own loader follows YAML 1.1, where `1e-6` is a text and `no` is false. Only its parser is used here; the values are
made by this file, which also remembers the line of each of them for error messages.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from anyformer.errors import ConfigError, Problem, join_path

MAX_NODES = 100_000  # aliases can make a small file stand for an endless one

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(_TAG + "int", re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    _TAG + "float",
    re.compile(r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"),
    list("-+.0123456789"),
)


class Document(NamedTuple):
    """What a YAML text says: plain data, and the line (from 1) on which the value of each dotted path stands."""

    data: Any
    lines: dict[str, int]


def parse(text: str, name: str = "") -> Document:
    """Reads one YAML document.

    Raises:
        ConfigError: with `name:line` as path, where the text is no YAML, repeats a key, or carries a tag other than the plain types'.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise ConfigError(Problem(where, f"not valid YAML: {' '.join(str(error.problem or error.context).split())}")) from None
    except yaml.YAMLError as error:
        raise ConfigError(Problem(name, f"not valid YAML: {' '.join(str(error).split())}")) from None
    walk = _Walk(name)
    return Document(walk.value(node, "", ()) if node is not None else None, walk.lines)


def parse_value(text: str, name: str = "") -> Any:
    """The value that `text` would have behind a key of a YAML file: `6`, `1e-3`, `[1, 2]`, `{kind: RMSNorm}`, `words`."""
    return parse(text, name).data


class _Walk:
    """Turns PyYAML's nodes into plain data."""

    def __init__(self, name: str):
        self.name = name
        self.lines: dict[str, int] = {}
        self.count = 0

    def value(self, node: yaml.Node, path: str, above: tuple[int, ...]) -> Any:
        self.count += 1
        if id(node) in above or self.count > MAX_NODES:
            raise self.error(node, "an alias makes this document endless; write the values out")
        self.lines[path] = node.start_mark.line + 1
        above = (*above, id(node))
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self.mapping(node, path, above)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.value(item, join_path(path, str(i)), above) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and kind in _SCALARS:
            try:
                return _SCALARS[kind](node.value)
            except (ValueError, KeyError):
                raise self.error(node, f"{node.value!r} is not of type {kind}") from None
        shown = node.tag.replace(_TAG, "!!")
        raise self.error(node, f"the tag {shown} is refused: a recipe is plain data, code in it is never executed; remove the tag")

    def mapping(self, node: yaml.MappingNode, path: str, above: tuple[int, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag.removeprefix(_TAG) not in _SCALARS:
                raise self.error(key_node, "a key must be a plain word")
            key = key_node.value
            if key in made:
                raise self.error(key_node, f"the key '{key}' stands here twice; the first is on line {self.lines[join_path(path, key)]}")
            made[key] = self.value(value_node, join_path(path, key), above)
            self.lines[join_path(path, key)] = key_node.start_mark.line + 1
        return made

    def error(self, node: yaml.Node, message: str) -> ConfigError:
        return ConfigError(Problem(f"{self.name}:{node.start_mark.line + 1}", message))


def _integer(text: str) -> int:
    return int(text, 8) if text.startswith("0o") else int(text, 16) if text.startswith("0x") else int(text)


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: dict[str, Any] = {
    "null": lambda text: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": _integer,
    "float": _float,
    "str": str,
}


class _Dumper(yaml.SafeDumper):
    """Writes what `parse` reads back equal: texts that YAML 1.2 would take for numbers are quoted, floats keep their point."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump(data: Any) -> str:
    """`data` (dict, list, str, numbers, None) as YAML in the order given; `parse` of it gives equal data."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
