"""`anyformer mask WHAT`: who sees whom, in each layer of a model or by an expression, as a picture or in the terminal."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from anyformer.cli import common
from anyformer.cli.naming import add_scale, name_and_changes
from anyformer.errors import InputError

if TYPE_CHECKING:
    from anyformer.inspection.masks import SeenPairs

EXAMPLES = """\
  anyformer mask gpt3-175b --length 64
  anyformer mask "Causal() & Window(left=3)" --length 32
  anyformer mask "Causal() | Prefix()" --prefix 8 -o prefix.svg
  anyformer mask "BigBird(block=4, random=2, seed=1)" --length 96
  anyformer mask gpt2 'decoder.blocks.*.attention.mask=Causal() & Strided(stride=8)' -o gpt2.png
"""
LENGTH = 64


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "mask", "draw who sees whom, layer by layer", EXAMPLES)
    help_text = "a mask as an expression, or an architecture, a recipe or a run, and changes of it"
    parser.add_argument("arguments", nargs="*", metavar="WHAT | KEY=VALUE", help=help_text)
    parser.add_argument("--length", type=common.drawn_length, metavar="N", default=LENGTH, help=f"tokens of the text (default: {LENGTH})")
    parser.add_argument("--prefix", type=common.positive, metavar="N", help="tokens of the open prefix, for masks that have one (default: a quarter)")
    parser.add_argument("--head", type=common.positive, metavar="N", default=1, help="which head, where each has a mask of its own (default: 1)")
    add_scale(parser)
    parser.add_argument("-o", "--out", type=common.output_path, metavar="FILE", help="a .png or an .svg instead of text")
    parser.add_argument("--json", action="store_true", help="the tables as an object")
    parser.set_defaults(handler=_mask, rest="arguments")


def _mask(args: argparse.Namespace) -> None:
    found = _found(args)
    note = None
    if args.out is not None:
        from anyformer.inspection.mask_plot import draw_masks

        note = draw_masks(found, args.out)
    if args.json:
        common.print_json({"length": args.length, "masks": [seen.to_dict() for seen in found]} | ({"file": str(args.out)} if args.out else {}))
    elif args.out is not None:
        for seen in found:
            print(f"{seen.title}\n  {seen.line}")
        print(args.out)
    else:
        _print(found)
    for told in (note, _longer(found, args.length)):
        if told:
            print(f"note: {told}", file=sys.stderr)


def _longer(found: list[SeenPairs], length: int) -> str | None:
    from anyformer.inspection.masks import length_that_shows

    lengths = {seen.mask.to_text(): shows for seen in found if (shows := length_that_shows(seen.mask, length)) is not None}
    if not lengths:
        return None
    return f"a text of {length} tokens is too short to show what {' and '.join(lengths)} leaves out; try --length {max(lengths.values())}"


def _found(args: argparse.Namespace) -> list[SeenPairs]:
    from anyformer.inspection.masks import of_config, of_mask
    from anyformer.parts.mask import Mask
    from anyformer.run.resolve import resolve

    facts = (args.length, args.prefix, args.head - 1)
    if any(_is_expression(a, Mask) for a in args.arguments):
        if len(args.arguments) != 1 or args.scale:
            raise InputError("a mask by itself takes no other name, no changes and no --scale; put an expression with blanks in quotes")
        return [of_mask(Mask.from_text(args.arguments[0]), *facts)]
    name, changes = name_and_changes(args.arguments)
    return of_config(resolve(name, changes, args.scale).config, *facts)


def _is_expression(argument: str, base: Any) -> bool:
    """`Causal() & Window(left=3)` and `Causal`, but not `decoder.blocks.0.attention.mask=Causal()`."""
    return "(" in argument.partition("=")[0] or argument in base.menu()


def _print(found: list[SeenPairs]) -> None:
    from anyformer.inspection.masks import in_text

    print("\n\n".join(f"{seen.title}\n{seen.line}\n{in_text(seen.table)}" for seen in found))
