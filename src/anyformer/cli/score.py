"""`anyformer score RUN`: how probable a model finds given translations."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from anyformer.cli import common, textio
from anyformer.errors import InputError, Problem, counted

EXAMPLES = """\
  anyformer score runs/x --source test.en --target test.fr
  anyformer score runs/x "Two dogs play." "Deux chiens jouent."
"""

CHUNK = 1024


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "score", "log-probabilities of given translations", EXAMPLES)
    parser.description = (
        "For each pair: sum of the target's log-probabilities (natural, end of sentence counted), number of its tokens, mean; separated by tabs. "
        "Of files, a pair that is longer than the model takes is marked with nan (null in JSON), and counted at the end."
    )
    parser.add_argument("model", metavar="RUN", help="a run folder")
    parser.add_argument("texts", nargs="*", default=None, metavar="TEXT", help="one source text and its translation")
    parser.add_argument("--source", type=Path, metavar="FILE", help="a source text a line")
    parser.add_argument("--target", type=Path, metavar="FILE", help="their translations, line by line")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each pair")
    common.add_model_options(parser)
    parser.set_defaults(handler=_score, rest="texts")


def _score(args: argparse.Namespace) -> None:
    pairs = _pairs(args)
    run = common.open_run(args)
    too_long: list[int] = []
    for start in range(0, len(pairs), CHUNK):
        chunk = pairs[start : start + CHUNK]
        fits = [True] * len(chunk) if args.texts else run.translator.can_score(chunk)
        scores = iter(run.score([pair for pair, fit in zip(chunk, fits, strict=True) if fit], batch_size=args.batch_size))
        for number, (pair, fit) in enumerate(zip(chunk, fits, strict=True), start + 1):
            too_long += [] if fit else [number]
            print(_shown(args, number, pair, next(scores) if fit else None), end="")
    if too_long:
        lines = ", ".join(map(str, too_long[:10])) + (", ..." if len(too_long) > 10 else "")
        what = f"{counted(len(too_long), 'pair')} of {len(pairs):,} longer than {run.translator.max_source_length} tokens a side"
        print(f"note: {what}, which is the most that can be scored at once: nan in line {lines}", file=sys.stderr)


def _shown(args: argparse.Namespace, number: int, pair: tuple[str, str], scored: Any) -> str:
    """A line for a pair; `scored` None: it was too long."""
    if args.json:
        found = {"log_prob": None, "tokens": None} if scored is None else {"log_prob": scored.log_prob, "tokens": scored.n_tokens}
        return common.json_line({"number": number, "source": pair[0], "target": pair[1]} | found)
    if scored is None:
        return "nan\tnan\tnan\n"
    return f"{scored.log_prob:.4f}\t{scored.n_tokens}\t{scored.log_prob / max(scored.n_tokens, 1):.4f}\n"


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
            Problem(
                str(args.target), f"has {counted(len(sides[1]), 'line')}, {args.source} has {len(sides[0]):,}; line n of one must translate line n of the other"
            )
        )
    return list(zip(*sides, strict=True))
