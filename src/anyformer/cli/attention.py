"""`anyformer attention RUN TEXT`: attention maps of one translation, as PNG and SVG."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from anyformer.cli import common, search_options
from anyformer.errors import InputError, counted

EXAMPLES = """\
  anyformer attention runs/x "Two dogs play in the snow."
  anyformer attention runs/x "Two dogs play." --translation "Deux chiens jouent." --out maps
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "attention", "draw where a model looks while it translates", EXAMPLES)
    parser.add_argument("model", metavar="RUN", help="a run folder")
    parser.add_argument("texts", nargs="*", default=None, metavar="TEXT", help="one sentence")
    parser.add_argument("--translation", metavar="TEXT", help="look at this translation instead of the model's own")
    parser.add_argument("--out", type=common.output_path, metavar="FOLDER", help="where the pictures go (default: RUN/plots/<first words>)")
    parser.add_argument("--json", action="store_true", help="print the weights and the names of the files as an object")
    common.add_model_options(parser)
    search_options.add(parser, without=("n_best",))
    parser.set_defaults(handler=_attention, rest="texts")


def _attention(args: argparse.Namespace) -> None:
    if len(args.texts) != 1:
        raise InputError(f"give one sentence (in quotes), got {counted(len(args.texts), 'text')}")
    from anyformer.run.attend import attention

    run = common.open_run(args)
    found = attention(run, args.texts[0], translation=args.translation, out=args.out, **search_options.given(args, run.recipe.evaluate.search))
    notes = dict.fromkeys(p.note for p in found.pictures.values() if p.note)
    if args.json:
        files = {side: {"png": str(p.png), "svg": str(p.svg)} for side, p in found.pictures.items()}
        common.print_json(found.maps.to_dict() | {"files": files, "notes": list(notes)})
        return
    print(found.maps.translation)
    for picture in found.pictures.values():
        print(f"{picture.png}  {picture.svg}")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
