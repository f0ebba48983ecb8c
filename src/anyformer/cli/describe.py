"""`anyformer describe NAME`: what a model is and costs: parameters by part, operations, memory, what can load it."""

from __future__ import annotations

import argparse
from typing import Any

from anyformer.cli import common
from anyformer.cli.naming import add_scale, name_and_changes

EXAMPLES = """\
  anyformer describe llama-7b
  anyformer describe transformer-base vocab_size=8000 n_layers=12
  anyformer describe deepseek-v3 --scale tiny            the same architecture with a million parameters without embeddings
  anyformer describe gpt2 'decoder.blocks.*.attention.position=ALiBi'
  anyformer describe gpt2 --config > mine.yaml           the whole config, to change
  anyformer describe mine.yaml
  anyformer describe multi30k-en-fr                      the model of a recipe
  anyformer describe runs/x --json
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "describe", "what a model is and costs: parameters by part, operations, memory, what can load it", EXAMPLES)
    help_ = "an architecture (`anyformer list`), a config or recipe as a file, a packaged recipe or a run; and changes of it"
    parser.add_argument("arguments", nargs="*", metavar="NAME | KEY=VALUE", help=help_)
    add_scale(parser)
    parser.add_argument("--config", action="store_true", help="print the whole config as YAML instead")
    parser.add_argument("--json", action="store_true", help="an object instead of a table")
    parser.set_defaults(handler=_describe, rest="arguments")


def _describe(args: argparse.Namespace) -> None:
    name, changes = name_and_changes(args.arguments)
    from anyformer.run import yaml12
    from anyformer.run.describe import described

    found = described(name, changes, args.scale)
    if args.json:
        common.print_json(found.to_dict())
    elif args.config:
        print(yaml12.dump(found.config.to_dict()), end="")
    else:
        print(found)
