"""`anyformer draw NAME -o x.svg`: the block diagram of a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from anyformer.cli import common
from anyformer.cli.naming import add_scale, name_and_changes

EXAMPLES = """\
  anyformer draw transformer-base -o transformer.svg
  anyformer draw gemma3-1b -o gemma3.png
  anyformer draw gpt2 'decoder.blocks.*.attention.position=ALiBi' -o mine.svg
  anyformer draw runs/x                                  x.svg, here
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "draw", "draw the block diagram of a model, as SVG or PNG", EXAMPLES)
    help_ = "an architecture (`anyformer list`), a config or recipe as a file, a packaged recipe or a run; and changes of it"
    parser.add_argument("arguments", nargs="*", metavar="NAME | KEY=VALUE", help=help_)
    parser.add_argument("-o", "--out", type=common.output_path, metavar="FILE", help="where it goes: .svg, whose text stays text, or .png (default: NAME.svg)")
    add_scale(parser)
    parser.add_argument("--json", action="store_true", help="the name of the file in an object")
    parser.set_defaults(handler=_draw, rest="arguments")


def _draw(args: argparse.Namespace) -> None:
    name, changes = name_and_changes(args.arguments)
    from anyformer.run.describe import drawn

    written = drawn(name, args.out or Path(f"{Path(name).stem}.svg" if Path(name).exists() else f"{name}.svg"), changes, args.scale)
    if args.json:
        common.print_json({"file": str(written)})
    else:
        print(written)
