"""`anyformer recipes list | show NAME`: the recipes that come with the package."""

from __future__ import annotations

import argparse
from typing import Any

from anyformer.cli import common
from anyformer.run import library, yaml12

EXAMPLES = """\
  anyformer recipes list
  anyformer recipes show multi30k-en-fr > mine.yaml     a copy to change; every key says what it means
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "recipes", "list the packaged recipes, or show one", EXAMPLES)
    inner = parser.add_subparsers(metavar="list | show", required=True)
    listing = common.add_verb(inner, "list", "the packaged recipes, a line each")
    listing.add_argument("--json", action="store_true", help="a list of objects instead of lines")
    listing.set_defaults(handler=_list)
    show = common.add_verb(inner, "show", "print a recipe")
    show.add_argument("name", help="a packaged name or a file")
    show.add_argument("--json", action="store_true", help="its data as JSON instead of the file with its comments")
    show.set_defaults(handler=_show)


def _list(args: argparse.Namespace) -> None:
    found = [{"name": name, "summary": library.summary(path), "path": str(path)} for name, path in library.packaged().items()]
    if args.json:
        common.print_json(found)
        return
    width = max((len(r["name"]) for r in found), default=0)
    for recipe in found:
        print(f"{recipe['name']:<{width}}  {recipe['summary']}")


def _show(args: argparse.Namespace) -> None:
    path = library.find(args.name)
    text = library.read(path)
    if args.json:
        common.print_json(yaml12.parse(text, str(path)).data)
    else:
        print(text, end="")
