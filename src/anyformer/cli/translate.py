"""`anyformer translate RUN [TEXT...]`: texts, a file or standard input, translated line by line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from anyformer.cli import common, search_options, textio

EXAMPLES = """\
  anyformer translate runs/x "A man is riding a bicycle."
  anyformer translate runs/x --input test.en --output test.fr --beam 5
  cat test.en | anyformer translate runs/x > test.fr
  anyformer translate runs/x "Two dogs play." --beam 5 --n-best 3 --scores
  anyformer translate runs/x "Two dogs play." --temperature 1 --top-p 0.9 --seed 7
"""

WINDOW = 32  # batches of lines that are sorted by length together


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "translate", "translate texts with a trained model", EXAMPLES)
    parser.add_argument("model", metavar="RUN", help="a run folder")
    parser.add_argument("texts", nargs="*", default=None, metavar="TEXT", help="texts to translate (default: the lines of --input, or of standard input)")
    parser.add_argument("--input", type=Path, metavar="FILE", help="a text a line")
    parser.add_argument("--output", type=common.output_path, metavar="FILE", help="where the translations go (default: standard output)")
    parser.add_argument("--scores", action="store_true", help="print input number, rank, score and text, separated by tabs")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each input")
    common.add_model_options(parser)
    search_options.add(parser)
    parser.set_defaults(handler=_translate, rest="texts")


def _translate(args: argparse.Namespace) -> None:
    common.refuse_both(args, "texts", "input")
    run = common.open_run(args)
    interactive = args.input is None and not args.texts and sys.stdin.isatty()
    lines = textio.lines(args.texts, args.input)
    with textio.output(args.output) as out:
        found = run.stream(
            lines,
            batch_size=1 if interactive else args.batch_size,
            window=1 if interactive else WINDOW,
            **search_options.given(args, run.recipe.evaluate.search),
        )
        for number, translation in enumerate(found, 1):
            out.write(_shown(args, number, translation))
            if interactive:
                out.flush()


def _shown(args: argparse.Namespace, number: int, translation: Any) -> str:
    ranked = translation.n_best if args.n_best else [translation]
    if args.json:
        return common.json_line({"number": number, "translations": [{"rank": i, "score": t.score, "text": t.text} for i, t in enumerate(ranked, 1)]})
    lines = []
    for rank, candidate in enumerate(ranked, 1):
        line = " ".join(candidate.text.split("\n"))
        lines.append(f"{number}\t{rank}\t{candidate.score:.4f}\t{line}\n" if args.scores else f"{line}\n")
    return "".join(lines)
