"""What makes two models different, aspect by aspect, and what each change costs.

Changes are made one after the other, so that their costs add up to the difference; what a change would cost alone stands beside it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from anyformer.errors import ConfigError
from anyformer.inspection.amounts import number, size
from anyformer.inspection.aspects import said, told
from anyformer.inspection.edits import ASPECTS, Edit, applied, edits
from anyformer.inspection.layout import alike, plain
from anyformer.model.count import kv_cache_bytes_per_token, parameters
from anyformer.model.flops import flops_per_token
from anyformer.model.model import Model

LINE = 90  # characters of a sentence


class Cost(NamedTuple):
    parameters: int
    flops_per_token: int
    kv_cache_bytes_per_token: int

    def minus(self, other: Cost) -> Cost:
        return Cost(*(a - b for a, b in zip(self, other, strict=True)))


class Change(NamedTuple):
    what: str  # "positions"; several, joined by commas, where one cannot be without the other
    before: str
    after: str
    cost: Cost  # in this order, one after the other
    alone: Cost | None  # of this change only; None: it cannot be alone


@dataclass(frozen=True)
class Difference:
    """From a to b. `str` makes a table, `to_dict` data for JSON."""

    a: str
    b: str
    of_a: Cost
    of_b: Cost
    changes: tuple[Change, ...]
    same: tuple[tuple[str, str], ...]  # what both have alike, and how it is

    def to_dict(self) -> dict[str, Any]:
        changes = [c._asdict() | {"cost": c.cost._asdict(), "alone": None if c.alone is None else c.alone._asdict()} for c in self.changes]
        return {"a": self.a, "b": self.b, "of_a": self.of_a._asdict(), "of_b": self.of_b._asdict(), "changes": changes, "same": dict(self.same)}

    def __str__(self) -> str:
        rows = [("", "", "parameters", "FLOP a token", "KV cache a token"), ("", self.a, *_amounts(self.of_a))]
        for change in self.changes:
            first, *more = _sentence(change)
            rows += [(change.what, first, *_signed(change.cost)), *(("", line, "", "", "") for line in more)]
        rows.append(("", self.b, *_amounts(self.of_b)))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [
            "  ".join([f"{a:<{widths[0]}}", f"{b:<{widths[1]}}", *(f"{c:>{w}}" for c, w in zip(rest, widths[2:], strict=True))]).rstrip()
            for a, b, *rest in rows
        ]
        same = textwrap.wrap("alike: " + "; ".join(f"{what}: {how}" for what, how in self.same), 120, subsequent_indent="  ")
        return "\n".join([*lines, *(same if self.same else [])])


def diff(a: Model.Config, b: Model.Config, names: tuple[str, str] = ("a", "b"), contexts: tuple[int, int] = (512, 512)) -> Difference:
    """The changes that make `b` of `a`.

    Args:
        contexts: tokens at the end of which a token is counted, of each.
    """

    def cost(config: Model.Config, context: int = contexts[0]) -> Cost:
        return Cost(parameters(config), flops_per_token(config, context), kv_cache_bytes_per_token(config))

    a, b = plain(a), plain(b)
    changes: list[Change] = []

    def add(what: Iterable[str], before: Model.Config, after: Model.Config, made: list[Edit], alone: Cost | None) -> None:
        names_ = tuple(what)
        changes.append(Change(", ".join(names_), *said(names_, before, after, made), cost(after).minus(cost(before)), alone))

    now, target = a, b
    for what, aligned in alike(a, b):
        add([what], now, aligned, [], cost(aligned).minus(cost(now)) if now == a else None)
        now = aligned
    start = now
    of: dict[str, list[Edit]] = {aspect: [] for aspect in ASPECTS}
    for edit in edits(start.to_dict(), target.to_dict()):
        of[edit.aspect].append(edit)
    waiting: dict[str, list[Edit]] = {}
    for aspect in (aspect for aspect in ASPECTS if of[aspect]):
        waiting[aspect] = of[aspect]
        made = [edit for edits_ in waiting.values() for edit in edits_]
        after = _config(applied(now.to_dict(), made))
        if after is None:
            continue
        alone = _config(applied(start.to_dict(), made))
        add(waiting, now, after, made, None if alone is None else cost(alone).minus(cost(start)))
        now, waiting = after, {}
    assert now == target and not waiting
    if contexts[0] != contexts[1] and cost(b) != cost(b, contexts[1]):
        longer = cost(b, contexts[1]).minus(cost(b))
        changes.append(Change("trained length", f"{contexts[0]:,} tokens", f"{contexts[1]:,}", longer, cost(a, contexts[1]).minus(cost(a))))
    changed = {what for change in changes for what in change.what.split(", ")}
    same = tuple((aspect, how) for aspect in told if aspect not in changed and (how := told[aspect](b)))
    return Difference(*names, cost(a), cost(b, contexts[1]), tuple(changes), same)


def _config(data: dict[str, Any]) -> Model.Config | None:
    """The config, if there can be one."""
    try:
        return Model.Config.from_dict(data)
    except ConfigError:
        return None


def _sentence(change: Change) -> list[str]:
    """In one line; where that is long, before and after apart, and broken."""
    both = f"{change.before} -> {change.after}"
    if len(both) <= LINE:
        return [both]
    return [*textwrap.wrap(change.before, LINE, subsequent_indent="  "), *textwrap.wrap("-> " + change.after, LINE, subsequent_indent="   ")]


def _amounts(cost: Cost) -> tuple[str, str, str]:
    return f"{cost.parameters:,}", number(cost.flops_per_token).strip(), size(cost.kv_cache_bytes_per_token)


def _signed(cost: Cost) -> tuple[str, str, str]:
    """With a sign; nothing where nothing changes."""

    def sign(n: int, text: str) -> str:
        return "" if n == 0 else ("+" if n > 0 else "-") + text

    p, f, k = cost
    return sign(p, f"{abs(p):,}"), sign(f, number(abs(f)).strip()), sign(k, size(abs(k)))
