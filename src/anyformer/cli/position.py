"""`anyformer position WHAT`: how positions are told apart, as a picture: one encoding by itself, or those of an architecture, a recipe or a run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyformer.cli import common
from anyformer.cli.naming import add_scale, names_and_changes
from anyformer.errors import AnyformerError, InputError, nearest
from anyformer.run import overrides

if TYPE_CHECKING:
    from anyformer.inspection.positions import Encoding

EXAMPLES = """\
  anyformer position sinusoidal -o sinus.svg
  anyformer position rotary --length 256 base=500000 'scaling={kind: Llama3, trained_length: 64}'
  anyformer position alibi --heads 12
  anyformer position t5 n_buckets=16 max_distance=40
  anyformer position roformer                            what an architecture has
  anyformer position gpt2 'decoder.blocks.*.attention.position=ALiBi'
"""
WHAT = "sinusoidal, learned, two-dimensional, rotary, alibi, t5 (relative-bias), shaw, transformer-xl"
LENGTH, DIM, HEADS = 64, 64, 8


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "position", "draw how positions are told apart", EXAMPLES)
    help_text = f"an encoding ({WHAT}), or an architecture, a recipe or a run; and fields of the one, changes of the other"
    parser.add_argument("arguments", nargs="*", metavar="WHAT | KEY=VALUE", help=help_text)
    parser.add_argument("--length", type=common.drawn_length, metavar="N", help=f"positions (default: {LENGTH})")
    parser.add_argument("--dim", type=common.positive, metavar="N", help=f"features of an embedding, or of a rotary head (default: {DIM})")
    parser.add_argument("--heads", type=common.positive, metavar="N", help=f"heads (default: {HEADS})")
    add_scale(parser)
    parser.add_argument("-o", "--out", type=common.output_path, metavar="FILE", help="a .png or an .svg (default: position-WHAT.png)")
    parser.set_defaults(handler=_position, rest="arguments")


def _position(args: argparse.Namespace) -> None:
    names, changes = names_and_changes(args.arguments)
    if len(names) != 1:
        raise InputError(f"give one name: an encoding ({WHAT}), an architecture, a recipe or a run")
    from anyformer.inspection.position_plot import draw_positions
    from anyformer.inspection.positions import named

    config = named(names[0])
    encodings = _of_model(names[0], changes, args) if config is None else [_alone(config, changes, args)]
    to = args.out or Path(f"position-{Path(names[0]).name.removesuffix('.yaml')}.png")
    note = draw_positions(encodings, _length(encodings, args.length), to)
    for encoding in encodings:
        print(encoding.title)
    print(to)
    if note:
        print(f"note: {note}", file=sys.stderr)


def _alone(config: Any, changes: dict[str, Any], args: argparse.Namespace) -> Encoding:
    """An encoding by itself, of heads as wide as its embedding."""
    from anyformer.inspection.positions import Encoding, built_from

    if args.scale:
        raise InputError("--scale is for an architecture; an encoding by itself takes --dim and --heads")
    dim, heads = args.dim or DIM, args.heads or HEADS
    return Encoding("", built_from(config, overrides.nest(changes), args.length or LENGTH, heads, dim), dim, heads, dim)


def _of_model(name: str, changes: dict[str, Any], args: argparse.Namespace) -> list[Encoding]:
    from anyformer.inspection.positions import NAMES, encodings_of
    from anyformer.run.resolve import resolve

    if args.dim or args.heads:
        raise InputError("--dim and --heads are for an encoding by itself; a model's sizes are its own, as d_model=64 n_heads=4")
    try:
        return encodings_of(resolve(name, changes, args.scale).config)
    except AnyformerError as error:
        if not any("unknown architecture" in p.message for p in error.problems):
            raise
        raise InputError(*error.problems, f"nor is it an encoding{nearest(name, NAMES)}") from None


def _length(encodings: list[Encoding], asked: int | None) -> int:
    """As asked for, or as far as every table goes."""
    return asked or min([LENGTH, *(getattr(e.config, "length", LENGTH) for e in encodings)])
