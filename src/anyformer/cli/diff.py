"""`anyformer diff A B`: what makes two models different, and what each change costs."""

from __future__ import annotations

import argparse
from typing import Any

from anyformer.cli import common
from anyformer.cli.naming import add_scale, names_and_changes
from anyformer.errors import InputError

EXAMPLES = """\
  anyformer diff gpt3-175b llama-65b
  anyformer diff t5-base switch-base-128 --json
  anyformer diff runs/x mine.yaml
  anyformer diff gpt2 llama-7b --scale 10M               both at the same size
  anyformer diff gpt2 gpt2 'decoder.blocks.*.attention.n_kv_heads=4'    changes are made to the second
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "diff", "what makes two models different, and what each change costs", EXAMPLES)
    help_ = "two architectures, configs, recipes or runs; changes of the second"
    parser.add_argument("arguments", nargs="*", metavar="A B | KEY=VALUE", help=help_)
    add_scale(parser)
    parser.add_argument("--json", action="store_true", help="an object instead of a table")
    parser.set_defaults(handler=_diff, rest="arguments")


def _diff(args: argparse.Namespace) -> None:
    names, changes = names_and_changes(args.arguments)
    if len(names) != 2:
        raise InputError(f"give two names, not {len(names)}: architectures (`anyformer list`), configs, recipes or runs")
    from anyformer.run.describe import differing

    found = differing(names[0], names[1], changes, args.scale)
    if args.json:
        common.print_json(found.to_dict())
    else:
        print(found)
