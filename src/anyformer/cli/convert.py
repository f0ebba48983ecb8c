"""`anyformer convert RUN OUT ...`: surgery on a trained model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyformer.cli import common
from anyformer.errors import InputError, Problem

if TYPE_CHECKING:
    from anyformer.model.surgery.depth import Order
    from anyformer.run.converting import Operation

EXAMPLES = """\
  anyformer convert runs/x runs/deep --layers 2x --silent     twice as many layers, with the same outputs
  anyformer convert runs/x runs/moe --upcycle 8               8 experts in every second layer, with the same outputs
  anyformer convert runs/x runs/gqa --kv-heads 2              two key heads, each the mean of those it stands for
  anyformer convert runs/x runs/prefix --to-prefix            a decoder that sees all of its prefix
  anyformer convert runs/x runs/long --rope Linear:factor=4   rotary positions for texts four times as long
  anyformer train --resume runs/moe train.max_minutes=20      train what was made
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "convert", "make another model out of a trained one", EXAMPLES)
    parser.add_argument("model", metavar="RUN", help="a run folder")
    parser.add_argument("out", type=Path, metavar="OUT", help="the new run's folder")
    parser.add_argument("--layers", metavar="Nx", help="2x: every layer twice, the whole stack behind itself (--interleave: each behind itself)")
    parser.add_argument("--interleave", action="store_true", help="with --layers")
    parser.add_argument("--overlap", type=common.positive, metavar="N", help="with --layers: leave out N layers on either side where copies meet (SOLAR)")
    parser.add_argument("--silent", action="store_true", help="with --layers: the copies add nothing at first, so outputs stay the same")
    parser.add_argument("--kv-heads", type=common.positive, metavar="N", help="key and value heads; 1 is multi-query")
    parser.add_argument("--upcycle", type=common.positive, metavar="E", help="experts, each a copy of the layer that it replaces")
    parser.add_argument("--every", type=common.positive, metavar="N", help="with --upcycle: in every N-th layer (default: 2)")
    parser.add_argument("--top-k", type=common.positive, metavar="K", help="with --upcycle: experts for a token (default: 2)")
    parser.add_argument("--vocab", type=common.positive, metavar="V", help="entries of the vocabulary; new ones begin as the mean of the old")
    parser.add_argument("--rope", metavar="SCALING", help="of rotary positions, as Linear:factor=4 or NTK:factor=4; none: take it away")
    parser.add_argument("--rope-base", type=float, metavar="BASE", help="another base of rotary frequencies")
    parser.add_argument("--positions", type=common.positive, metavar="N", help="rows of a learned table of positions")
    parser.add_argument("--to-prefix", action="store_true", help="open the decoder's causal masks to a prefix")
    parser.add_argument("--step", metavar="best|latest|N", help="which of the run's saved steps (default: the best by validation loss, averages included)")
    parser.add_argument("--overwrite", action="store_true", help="replace the run that stands in OUT")
    parser.add_argument("--json", action="store_true", help="an object instead of a line")
    parser.set_defaults(handler=_convert)


def _convert(args: argparse.Namespace) -> None:
    _check(args)
    from anyformer.run.converting import convert

    made = convert(args.model, args.out, _operations(args), step=args.step, overwrite=args.overwrite)
    before, after = made.parameters
    if args.json:
        common.print_json({"run": str(made.path), "step": made.step, "parameters_before": before, "parameters": after})
        return
    print(f"{made.path}: {after:,} parameters, {before:,} in {args.model} ({made.step})")


def _check(args: argparse.Namespace) -> None:
    """Options that mean something only beside another one."""
    problems = []
    for option, needs in (("interleave", "layers"), ("overlap", "layers"), ("silent", "layers"), ("every", "upcycle"), ("top_k", "upcycle")):
        if getattr(args, option) and not getattr(args, needs):
            problems.append(Problem(f"--{option.replace('_', '-')}", f"says how --{needs} is meant; give --{needs} too"))
    if args.layers and not (args.layers[:-1].isdigit() and args.layers.endswith("x")):
        problems.append(Problem("--layers", f"takes how often each layer is to stand, as 2x, not {args.layers!r}"))
    if problems:
        raise InputError(*problems)


def _operations(args: argparse.Namespace) -> list[Operation]:
    """In an order in which each leaves the next what it needs: copies are made before experts, masks are opened last."""
    from anyformer.model import surgery
    from anyformer.parts.token_choice import TopK

    found: list[Operation] = []
    if args.layers:
        order: Order = "interleave" if args.interleave else "stack"
        found.append(lambda model: surgery.deepen(model, int(args.layers[:-1]), order, args.overlap or 0, args.silent))
    if args.kv_heads:
        found.append(lambda model: surgery.group_heads(model, args.kv_heads))
    if args.upcycle:
        router = None if args.top_k is None else TopK.Config(k=args.top_k)
        found.append(lambda model: surgery.upcycle(model, args.upcycle, router, args.every or 2))
    if args.vocab:
        found.append(lambda model: surgery.grow_vocabulary(model, args.vocab))
    if args.rope or args.rope_base:
        found.append(lambda model: _rope(model, args.rope, args.rope_base))
    if args.positions:
        found.append(lambda model: surgery.extend_positions(model, args.positions))
    if args.to_prefix:
        found.append(surgery.to_prefix)
    return found


def _rope(model: Any, text: str | None, base: float | None) -> Any:
    """`Linear:factor=4,trained_length=512` is a scaling; `none` is none; not given: as it is."""
    from anyformer.model import surgery
    from anyformer.parts.rope_scaling import RopeScaling
    from anyformer.run import yaml12

    if text is None:
        return surgery.scale_rotary(model, base=base)
    if text.lower() == "none":
        return surgery.scale_rotary(model, None, base)
    kind, _, fields = text.partition(":")
    given = {name: yaml12.parse(value, "--rope").data for name, _, value in (f.partition("=") for f in fields.split(",") if f)}
    return surgery.scale_rotary(model, RopeScaling.from_dict({"kind": kind, **given}, "--rope"), base)
