"""`anyformer describe NAME`: parameters by part, operations and memory of an architecture, a recipe or a run."""

from __future__ import annotations

import argparse
from typing import Any

from anyformer.cli import common
from anyformer.errors import InputError
from anyformer.run import overrides

EXAMPLES = """\
  anyformer describe --list                          the architectures
  anyformer describe transformer-base
  anyformer describe transformer-base vocab_size=8000 n_layers=12
  anyformer describe multi30k-en-fr                  the model of a recipe
  anyformer describe runs/x --json
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "describe", "how large a model is, by part", EXAMPLES)
    parser.add_argument("arguments", nargs="*", metavar="NAME | KEY=VALUE", help="an architecture, a recipe or a run; and arguments of the architecture")
    parser.add_argument("--list", action="store_true", help="list the architectures")
    parser.add_argument("--config", action="store_true", help="print the whole config as YAML instead")
    parser.add_argument("--json", action="store_true", help="an object instead of a table")
    parser.set_defaults(handler=_describe, rest="arguments")


def _describe(args: argparse.Namespace) -> None:
    names = [a for a in args.arguments if "=" not in a]
    changes = overrides.read(a for a in args.arguments if "=" in a)
    if args.list:
        _list(args)
        return
    if len(names) != 1:
        raise InputError("give one name: an architecture (`anyformer describe --list`), a recipe or a run")
    from anyformer.run import yaml12
    from anyformer.run.describe import describe

    found = describe(names[0], **changes)
    if args.json:
        common.print_json(found.to_dict())
    elif args.config:
        print(yaml12.dump(found.config.to_dict()), end="")
    else:
        print(found)


def _list(args: argparse.Namespace) -> None:
    from anyformer import architectures

    known = architectures.known().values()
    if args.json:
        common.print_json([{"name": a.name, "kind": a.kind, "paper": a.paper, "size": a.size} for a in known])
        return
    width = max(len(a.name) for a in known)
    for a in known:
        print(f"{a.name:<{width}}  {a.kind}  {a.paper}")
