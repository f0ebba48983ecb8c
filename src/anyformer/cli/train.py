"""`anyformer train RECIPE [KEY=VALUE...]`: from a recipe, or two files, to a trained run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from anyformer.cli import common
from anyformer.errors import InputError
from anyformer.run import overrides

EXAMPLES = """\
  anyformer train multi30k-en-fr                                   a packaged recipe; the run is runs/multi30k-en-fr-1
  anyformer train mine.yaml --out runs/x model.encoder.n_layers=6 train.max_minutes=30
  anyformer train --source a.en --target a.fr                      your own sentences, with a recipe chosen by their size
  anyformer train mine.yaml --dry-run                              sizes, memory and time, without training
  anyformer train --resume runs/x                                  go on where the run stopped
  anyformer train --resume runs/x train.max_minutes=60             train a finished run further
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "train", "train a model from a recipe or from your own files", EXAMPLES)
    parser.add_argument(
        "arguments", nargs="*", default=None, metavar="RECIPE | KEY=VALUE", help="a file or a packaged name (`anyformer recipes list`); changes of its keys"
    )
    parser.add_argument("--source", type=Path, metavar="FILE", help="own texts, one a line (plain or .gz)")
    parser.add_argument("--target", type=Path, metavar="FILE", help="their translations, line by line")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the run's folder (default: runs/<recipe>-<number>)")
    parser.add_argument("--resume", metavar="auto|RUN", help="go on with the newest run of the recipe (or --out), or with this run")
    parser.add_argument("--overwrite", action="store_true", help="replace a run that stands in --out")
    common.add_processes(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be trained, how large and how long; train nothing")
    parser.add_argument("--quiet", action="store_true", help="no banner, no progress")
    parser.add_argument("--json", action="store_true", help="print the result (or the dry run) as JSON; progress goes to standard error")
    parser.set_defaults(handler=_train, rest="arguments")


def _train(args: argparse.Namespace) -> int:
    names = [a for a in args.arguments if "=" not in a or Path(a).is_file()]
    changes = overrides.read(a for a in args.arguments if a not in names)
    if len(names) > 1:
        raise InputError(f"one recipe at a time, got {', '.join(names)}; changes are written as key=value")
    if not names and not args.source and not args.resume:
        raise InputError("say what to train on: a recipe (`anyformer recipes list`), --source FILE --target FILE, or --resume RUN")
    from anyformer.run.train import train

    result = train(
        names[0] if names else None,
        changes,
        source=args.source,
        target=args.target,
        out=args.out,
        resume=args.resume,
        overwrite=args.overwrite,
        dry_run=args.dry_run,
        device=args.device,
        precision=args.precision,
        processes=args.processes,
        data_dir=args.data_dir,
        show="nothing" if args.quiet else "stderr" if args.json else "stdout",
    )
    if args.quiet and result.result is not None and not result.result.finished:  # who is quiet still hears that it is not done
        print(f"{result.result.message}\ngo on with: anyformer train --resume {result.path}", file=sys.stderr)
    if args.json:
        common.print_json(result.summary)
    return common.exit_code(result.result)
