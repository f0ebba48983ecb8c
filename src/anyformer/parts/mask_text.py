"""Masks as text: `Causal() & (Window(left=255) | GlobalTokens(n=4))`, parsed and never evaluated."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from anyformer.errors import ConfigError, Problem, join_path, nearest
from anyformer.spec import field_types


def parse(text: str, path: str, menu: Mapping[str, type[Any]]) -> Any:
    """The mask that `text` says, of the classes in `menu`.

    Raises:
        ConfigError: it is no expression of masks, or a mask in it cannot be; the message names `path` and the nearest that can.
    """
    try:
        return _read(ast.parse(text.strip(), mode="eval").body, path, menu)
    except (SyntaxError, ValueError):
        raise ConfigError(Problem(path, f"'{_short(text)}' is not a mask; write for example Causal() & Window(left=255)")) from None
    except (RecursionError, MemoryError):
        raise ConfigError(Problem(path, f"'{_short(text)}' is nested too deeply to be a mask")) from None


def _read(node: ast.expr, path: str, menu: Mapping[str, type[Any]]) -> Any:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        left, right = _read(node.left, path, menu), _read(node.right, path, menu)
        return left & right if isinstance(node.op, ast.BitAnd) else left | right
    if isinstance(node, ast.Name):
        node = ast.Call(func=node, args=[], keywords=[])
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise ConfigError(Problem(path, f"'{_short(ast.unparse(node))}' is not a mask; masks are joined with & and |, as in Causal() | Prefix()"))
    return _read_call(node.func.id, node, path, menu)


def _read_call(name: str, node: ast.Call, path: str, menu: Mapping[str, type[Any]]) -> Any:
    if name not in menu:
        raise ConfigError(Problem(path, f"unknown mask '{name}'{nearest(name, menu)}"))
    fields = list(field_types(menu[name]))
    if len(node.args) > len(fields):
        raise ConfigError(Problem(path, f"{name} takes at most {len(fields)} values"))
    given: dict[str, Any] = {}
    pairs = [*zip(fields, node.args, strict=False), *((keyword.arg, keyword.value) for keyword in node.keywords)]
    for field, value in pairs:
        if field not in fields:
            raise ConfigError(Problem(path, f"{name} has no field '{field}'{nearest(str(field), fields)}"))
        if field in given:
            raise ConfigError(Problem(join_path(path, field), f"is given twice in {name}"))
        given[field] = _constant(value, path)
    return menu[name].from_dict({"kind": name, **given}, path)


def _constant(node: ast.expr, path: str) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        raise ConfigError(Problem(path, f"'{_short(ast.unparse(node))}' is not a plain number")) from None


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
