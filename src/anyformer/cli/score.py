"""`anyformer score RUN`: how probable a model finds given translations."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from anyformer.cli import common, textio
from anyformer.errors import InputError, Problem

EXAMPLES = """\
  anyformer score runs/x --source test.en --target test.fr
  anyformer score runs/x "Two dogs play." "Deux chiens jouent."
"""

CHUNK = 1024


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "score", "log-probabilities of given translations", EXAMPLES)
    parser.description = (
        "For each pair: sum of the target's log-probabilities (natural, end of sentence counted), number of its tokens, mean; separated by tabs."
    )
    parser.add_argument("model", metavar="RUN", help="a run folder")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="one source text and its translation")
    parser.add_argument("--source", type=Path, metavar="FILE", help="a source text a line")
    parser.add_argument("--target", type=Path, metavar="FILE", help="their translations, line by line")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each pair")
    common.add_model_options(parser)
    parser.set_defaults(handler=_score, rest="texts")


def _score(args: argparse.Namespace) -> None:
    pairs = _pairs(args)
    from anyformer.run.load import load

    run = load(args.model, step=args.step, device=args.device, precision=args.precision)
    for start in range(0, len(pairs), CHUNK):
        chunk = pairs[start : start + CHUNK]
        for number, (pair, scored) in enumerate(zip(chunk, run.score(chunk, batch_size=args.batch_size), strict=True), start + 1):
            if args.json:
                found = {"number": number, "source": pair[0], "target": pair[1], "log_prob": scored.log_prob, "tokens": scored.n_tokens}
                print(common.json_line(found), end="")
            else:
                print(f"{scored.log_prob:.4f}\t{scored.n_tokens}\t{scored.log_prob / max(scored.n_tokens, 1):.4f}")


def _pairs(args: argparse.Namespace) -> list[tuple[str, str]]:
    if args.texts:
        if len(args.texts) != 2 or args.source or args.target:
            raise InputError("give one source text and one translation, or --source FILE --target FILE")
        return [(args.texts[0], args.texts[1])]
    if not args.source or not args.target:
        raise InputError("give --source FILE and --target FILE, or one source text and its translation")
    sides = [list(textio.lines([], path)) for path in (args.source, args.target)]
    if len(sides[0]) != len(sides[1]):
        raise InputError(
            Problem(str(args.target), f"has {len(sides[1]):,} lines, {args.source} has {len(sides[0]):,}; line n of one must translate line n of the other")
        )
    return list(zip(*sides, strict=True))
