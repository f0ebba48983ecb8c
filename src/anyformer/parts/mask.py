"""Who sees whom, as an expression over facts: `Causal() | Prefix()`, `Causal() & Window(left=255)`.

A mask reads places (where queries and keys stand) and says which pairs are allowed. It never reads positions: those may
repeat (GLM), indices do not. That a query sees only its own document is added by the lowering, for every mask.

In recipes a mask is written as the same expression; it is parsed, never evaluated.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from anyformer.errors import ConfigError, Problem, nearest
from anyformer.parts.place import Place
from anyformer.spec import Spec, field_types, read_value, spec

Extent = Literal["none", "some", "all"]


class Mask(Spec):
    """Slot for masks. T queries, S keys."""

    def allows(self, q: Place, k: Place) -> Tensor:
        """Which pairs are allowed: bool, broadcastable to [B, T, S]."""
        raise NotImplementedError

    def extent(self, q: range, k: range) -> Extent:
        """What `allows` gives for a block of query and key indices, known without data; "some" where it depends."""
        return "some"

    def __and__(self, other: Mask) -> Mask:
        return And(left=self, right=other)

    def __or__(self, other: Mask) -> Mask:
        return Or(left=self, right=other)

    def to_text(self) -> str:
        """The expression that `from_text` reads."""
        given = [f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if getattr(self, f.name) != f.default]  # type: ignore[arg-type]
        return f"{self.kind()}({', '.join(given)})"

    @classmethod
    def from_text(cls, text: str, path: str = "") -> Mask:
        try:
            tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            raise ConfigError(Problem(path, f"'{text}' is not a mask; write for example Causal() & Window(left=255)")) from None
        return _read(tree, path)


@spec
class Full(Mask):
    """Everybody sees everybody."""

    def allows(self, q: Place, k: Place) -> Tensor:
        return torch.ones((1, 1, 1), dtype=torch.bool, device=q.index.device)

    def extent(self, q: range, k: range) -> Extent:
        return "all"


@spec
class Causal(Mask):
    """Nobody sees what comes later (Vaswani et al. 2017, section 3.2.3)."""

    def allows(self, q: Place, k: Place) -> Tensor:
        return (k.index[None, :] <= q.index[:, None])[None]

    def extent(self, q: range, k: range) -> Extent:
        return "all" if k[-1] <= q[0] else "none" if k[0] > q[-1] else "some"


@spec
class Prefix(Mask):
    """Everybody sees the open prefix (Dong et al. 2019; with Causal a prefix decoder)."""

    def allows(self, q: Place, k: Place) -> Tensor:
        if k.prefix is None:
            return torch.zeros((1, 1, 1), dtype=torch.bool, device=q.index.device)
        return k.prefix[:, None, :]


@spec
class Window(Mask):
    """A query sees `left` keys before it, itself, and `right` keys after it; None: no bound (Beltagy et al. 2020)."""

    left: int | None = None
    right: int | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        for name in ("left", "right"):
            value = getattr(self, name)
            if value is not None and value < 0:
                yield name, f"a window reaches 0 or more tokens, not {value}"

    def allows(self, q: Place, k: Place) -> Tensor:
        distance = q.index[:, None] - k.index[None, :]
        allowed = torch.ones_like(distance, dtype=torch.bool)
        if self.left is not None:
            allowed &= distance <= self.left
        if self.right is not None:
            allowed &= distance >= -self.right
        return allowed[None]

    def extent(self, q: range, k: range) -> Extent:
        nearest_, farthest = q[0] - k[-1], q[-1] - k[0]
        low = -self.right if self.right is not None else nearest_
        high = self.left if self.left is not None else farthest
        return "all" if low <= nearest_ and farthest <= high else "none" if farthest < low or nearest_ > high else "some"


@spec
class And(Mask):
    left: Mask
    right: Mask

    def allows(self, q: Place, k: Place) -> Tensor:
        return self.left.allows(q, k) & self.right.allows(q, k)

    def extent(self, q: range, k: range) -> Extent:
        both = {self.left.extent(q, k), self.right.extent(q, k)}
        return "none" if "none" in both else "all" if both == {"all"} else "some"

    def to_text(self) -> str:
        return " & ".join(f"({m.to_text()})" if isinstance(m, Or) else m.to_text() for m in (self.left, self.right))


@spec
class Or(Mask):
    left: Mask
    right: Mask

    def allows(self, q: Place, k: Place) -> Tensor:
        return self.left.allows(q, k) | self.right.allows(q, k)

    def extent(self, q: range, k: range) -> Extent:
        both = {self.left.extent(q, k), self.right.extent(q, k)}
        return "all" if "all" in both else "none" if both == {"none"} else "some"

    def to_text(self) -> str:
        return f"{self.left.to_text()} | {self.right.to_text()}"


def _read(node: ast.expr, path: str) -> Mask:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        left, right = _read(node.left, path), _read(node.right, path)
        return left & right if isinstance(node.op, ast.BitAnd) else left | right
    if isinstance(node, ast.Name):
        node = ast.Call(func=node, args=[], keywords=[])
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise ConfigError(Problem(path, f"'{ast.unparse(node)}' is not a mask; masks are joined with & and |, as in Causal() | Prefix()"))
    return _read_call(node.func.id, node, path)


def _read_call(name: str, node: ast.Call, path: str) -> Mask:
    menu = {kind: cls for kind, cls in Mask.menu().items() if cls not in (And, Or)}
    if name not in menu:
        raise ConfigError(Problem(path, f"unknown mask '{name}'{nearest(name, menu)}"))
    hints = field_types(menu[name])
    if len(node.args) > len(hints):
        raise ConfigError(Problem(path, f"{name} takes at most {len(hints)} values"))
    given: dict[str, Any] = dict(zip(hints, (_constant(a, path) for a in node.args), strict=False))
    for keyword in node.keywords:
        if keyword.arg not in hints:
            raise ConfigError(Problem(path, f"{name} has no field '{keyword.arg}'{nearest(str(keyword.arg), hints)}"))
        given[keyword.arg] = _constant(keyword.value, path)
    return menu[name](**{field: read_value(hints[field], value, f"{path}.{field}" if path else field) for field, value in given.items()})


def _constant(node: ast.expr, path: str) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ConfigError(Problem(path, f"'{ast.unparse(node)}' is not a plain number")) from None
