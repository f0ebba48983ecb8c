"""`anyformer evaluate RUN`: BLEU, chrF, exact match, perplexity and speed; of an encoder alone, how well it finds hidden words."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import Any

from anyformer.cli import common, search_options, textio
from anyformer.cli.progress import counter
from anyformer.errors import InputError, Problem

EXAMPLES = """\
  anyformer evaluate runs/x                                       the corpus's test split
  anyformer evaluate runs/x --split validation --beam 1 --json
  anyformer evaluate runs/x --source my.en --target my.fr --output my.translated
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "evaluate", "BLEU, chrF, exact match, perplexity and speed of a run", EXAMPLES)
    parser.add_argument("model", metavar="RUN", help="a run folder")
    parser.add_argument("--split", choices=("train", "validation", "test"), help="of the run's corpus (default: test)")
    parser.add_argument("--source", type=Path, metavar="FILE", help="own texts, one a line, instead of a split")
    parser.add_argument("--target", type=Path, metavar="FILE", help="their reference translations")
    parser.add_argument("--output", type=common.output_path, metavar="FILE", help="write the translations here, one a line; line n of own files gives line n")
    parser.add_argument("--max-sentences", type=common.positive, metavar="N", help="at most this many, spread over the split (default: the recipe's)")
    parser.add_argument("--json", action="store_true", help="an object instead of a table")
    common.add_model_options(parser)
    search_options.add(parser, without=("n_best",))
    parser.set_defaults(handler=_evaluate)


def _evaluate(args: argparse.Namespace) -> None:
    own = bool(args.source or args.target)
    if own and args.split:
        raise InputError(Problem("--split", "chooses a part of the run's corpus, and --source and --target are files of your own: give one or the other"))
    for path in (args.source, args.target):
        if args.output and path and args.output.exists() and path.exists() and args.output.samefile(path):
            raise InputError(Problem("--output", f"{args.output} is read here, and would be lost; choose another name"))
    from anyformer.evaluation import Evaluation
    from anyformer.run.evaluate import evaluate

    run = common.open_run(args)
    encoder = run.model.decoder is None
    if encoder and args.output:
        raise InputError(Problem("--output", "is for translations, and an encoder alone writes none"))
    asked = _unsearched(args) if encoder else search_options.given(args, run.recipe.evaluate.search)
    changes = asked | {"batch_size": args.batch_size}
    if args.max_sentences:
        changes["max_sentences"] = args.max_sentences
    split: Any = args.split or "test"
    # The file is opened first, so that one that cannot be written is known before minutes of translating.
    with textio.output(args.output) if args.output else contextlib.nullcontext() as out, counter("filling in" if encoder else "translating") as progress:
        found = evaluate(run, split, source=args.source, target=args.target, data_dir=args.data_dir, progress=progress, **changes)
        if out and isinstance(found, Evaluation):
            out.writelines(f"{' '.join(text.splitlines())}\n" for text in (found.aligned if own else found.translations))
    if args.json:
        what = {"source": str(args.source), "target": str(args.target)} if own else {"split": split}
        common.print_json({"run": str(run.path), "step": run.step} | what | found.to_dict())
    else:
        print(found)


def _unsearched(args: argparse.Namespace) -> dict[str, Any]:
    """What an encoder alone takes of the options of search: the seed of what is hidden."""
    found = {name: value for name, _, _ in search_options.OPTIONS if (value := getattr(args, name, None)) is not None}
    if over := found.keys() - {"seed"}:
        told = "is for models that write, and this one is an encoder alone: it takes --max-sentences and --seed"
        raise InputError(*(Problem("--" + name.replace("_", "-"), told) for name in sorted(over)))
    return found
