"""One list of rules holds the names of both sides, and is read in both directions.

    rule("model.layers.{i}.mlp.gate_proj.{p}", "decoder.layers.{i}.feed_forward.gate.{p}")

`{i}` is a layer, `{p}` is weight or bias, `{s}` is encoder or decoder, `{e}` an expert (`ops.Stacked`), `{x}` anything. Our names decide: a rule
holds for every layer, and for the weights and biases, that our model has under the name of its first `ours`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from anyformer.interop.ops import COPY, Op
from anyformer.interop.surplus import Surplus

_MEANS = {"i": r"\d+", "p": "weight|bias", "s": "encoder|decoder", "x": ".+"}


@dataclass(frozen=True)
class Rule:
    theirs: tuple[str, ...]
    ours: tuple[str, ...]
    op: Op = COPY


def rule(theirs: str | tuple[str, ...], ours: str | tuple[str, ...] = (), op: Op = COPY) -> Rule:
    """A rule; one name needs no tuple. Without `ours`, `op` says what becomes of the tensor."""
    return Rule((theirs,) if isinstance(theirs, str) else theirs, (ours,) if isinstance(ours, str) else ours, op)


def bind(rules: Iterable[Rule], ours: Iterable[str]) -> list[Rule]:
    """The rules with names filled in, for all layers that `ours` has, in the order of `ours`. Rules without `ours` are left as they are."""
    names = list(ours)
    known, found = set(names), []
    patterns = [(_pattern(r.ours[0]), r) for r in rules if r.ours]
    for name in names:
        for pattern, r in patterns:
            if match := pattern.fullmatch(name):
                values = match.groupdict()
                filled = tuple(_fill(n, values) for n in r.ours)
                if known.issuperset(filled):
                    found.append(Rule(r.op.spell(tuple(_fill(n, values) for n in r.theirs)), filled, r.op))
    return found + [r for r in rules if not r.ours and isinstance(r.op, Surplus)]


def matching(surplus: Rule, theirs: Iterable[str]) -> list[tuple[str, ...]]:
    """Their names that a rule without `ours` is about, each with the further names that the op reads."""
    pattern = _pattern(surplus.theirs[0])
    return [tuple(_fill(n, m.groupdict()) for n in surplus.theirs) for name in theirs if (m := pattern.fullmatch(name))]


def _pattern(template: str) -> re.Pattern[str]:
    text = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    seen: set[str] = set()

    def group(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in seen:
            return f"(?P={letter})"
        seen.add(letter)
        return f"(?P<{letter}>{_MEANS[letter]})"

    return re.compile(re.sub(r"{(\w)}", group, text))


def _fill(template: str, values: dict[str, str]) -> str:
    return re.sub(r"{(\w)}", lambda m: values.get(m[1], m[0]), template)
