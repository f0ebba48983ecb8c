"""`anyformer demo`: train a translator on the embedded corpus, in minutes, and look at it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from anyformer.cli import common
from anyformer.run import overrides

EXAMPLES = """\
  anyformer demo
  anyformer demo train.max_minutes=1 --out runs/quick
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "demo", "train a small translator on the embedded corpus, in minutes, and look at it", EXAMPLES)
    parser.add_argument("arguments", nargs="*", default=None, metavar="KEY=VALUE", help="changes of the recipe phrasebook-en-fr")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the run's folder (default: runs/phrasebook-en-fr-<number>)")
    common.add_processes(parser)
    parser.add_argument("--json", action="store_true", help="print the result as an object; progress goes to standard error")
    parser.set_defaults(handler=_demo, rest="arguments")


def _demo(args: argparse.Namespace) -> int:
    changes = overrides.read(args.arguments)
    from anyformer.run.demo import demo

    trained, found = demo(
        changes, out=args.out, device=args.device, precision=args.precision, processes=args.processes, show="stderr" if args.json else "stdout"
    )
    if args.json:
        common.print_json(trained.summary | {"test": None if found is None else found.to_dict()})
    return common.exit_code(trained.result)
