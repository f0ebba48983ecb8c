"""`anyformer list`: the architectures, a line each."""

from __future__ import annotations

import argparse
from typing import Any

from anyformer.cli import common
from anyformer.cli.naming import add_scale

EXAMPLES = """\
  anyformer list
  anyformer list --family llama
  anyformer list --scale tiny --json
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "list", "the architectures: name, year, size, kind, what is particular, paper", EXAMPLES)
    parser.add_argument("--family", metavar="NAME", help="one family only, such as llama")
    add_scale(parser)
    parser.add_argument("--json", action="store_true", help="a list of objects instead of lines")
    parser.set_defaults(handler=_list)


def _list(args: argparse.Namespace) -> None:
    from anyformer import architectures

    found = list(architectures.known(args.family).values())
    first = {a.family: min(b.year for b in found if b.family == a.family) for a in found}
    found.sort(key=lambda a: (first[a.family], a.family))  # families as they came, sizes as they are registered
    rows = [_row(a, args.scale) for a in found]
    if args.json:
        common.print_json(rows)
        return
    columns = ("name", "year", "size", "kind")
    widths = {c: max(len(str(row[c])) for row in rows) for c in columns}
    for row in rows:
        about = f"{row['line']} ({row['paper'].partition(',')[0]})" if row["line"] else row["paper"]
        print("  ".join([*(f"{row[c]!s:<{widths[c]}}" for c in columns), about]).rstrip())


def _row(known: Any, scale: str | None) -> dict[str, Any]:
    """`size`: as published; where nothing was, or at another scale, as counted."""
    from anyformer import architectures
    from anyformer.architectures.scale import amount
    from anyformer.model.count import parameters

    counted = None if known.published and scale is None else parameters(architectures.get(known.name, scale=scale))
    row = {"name": known.name, "family": known.family, "year": known.year, "kind": known.kind, "line": known.line, "paper": known.paper}
    return row | {"size": known.published if counted is None else amount(counted), "context": known.context}
