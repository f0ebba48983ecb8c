"""`anyformer evaluate RUN`: BLEU, chrF, exact match, perplexity and speed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from anyformer.cli import common, search_options
from anyformer.cli.progress import counter

EXAMPLES = """\
  anyformer evaluate runs/x                                       the corpus's test split
  anyformer evaluate runs/x --split validation --beam 1 --json
  anyformer evaluate runs/x --source my.en --target my.fr --output my.translated
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "evaluate", "BLEU, chrF, exact match, perplexity and speed of a run", EXAMPLES)
    parser.add_argument("model", metavar="RUN", help="a run folder")
    parser.add_argument("--split", choices=("train", "validation", "test"), default="test", help="of the run's corpus (default: test)")
    parser.add_argument("--source", type=Path, metavar="FILE", help="own texts, one a line, instead of a split")
    parser.add_argument("--target", type=Path, metavar="FILE", help="their reference translations")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the translations here, one a line")
    parser.add_argument("--max-sentences", type=common.positive, metavar="N", help="at most this many, spread over the split (default: the recipe's)")
    parser.add_argument("--json", action="store_true", help="an object instead of a table")
    common.add_model_options(parser)
    search_options.add(parser)
    parser.set_defaults(handler=_evaluate)


def _evaluate(args: argparse.Namespace) -> None:
    from anyformer.run.evaluate import evaluate
    from anyformer.run.load import load

    run = load(args.model, step=args.step, device=args.device, precision=args.precision)
    changes = search_options.given(args) | {"batch_size": args.batch_size}
    if args.max_sentences:
        changes["max_sentences"] = args.max_sentences
    with counter("translating") as progress:
        found = evaluate(run, args.split, source=args.source, target=args.target, data_dir=args.data_dir, progress=progress, **changes)
    if args.output:
        args.output.write_text("".join(f"{' '.join(t.splitlines())}\n" for t in found.translations), encoding="utf-8")
    if args.json:
        what = {"source": str(args.source), "target": str(args.target)} if args.source else {"split": args.split}
        common.print_json({"run": str(run.path), "step": run.step} | what | found.to_dict())
    else:
        print(found)
