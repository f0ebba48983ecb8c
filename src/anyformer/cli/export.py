"""`anyformer export RUN --to hf OUT`: a run as a checkpoint that other tools load."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from anyformer.cli import common

EXAMPLES = """\
  anyformer export runs/x --to hf out                  safetensors, config.json, tokenizer; checked in transformers where that is installed
  anyformer export runs/x --to hf out --step latest
  anyformer export runs/x --to hf out --family mistral
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "export", "write a run for another tool", EXAMPLES)
    parser.add_argument("model", metavar="RUN", help="a run folder")
    parser.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    parser.add_argument("--to", required=True, choices=("hf",), help="hf: what Hugging Face transformers loads")
    parser.add_argument("--step", metavar="best|latest|N", help="which of the run's saved steps (default: the best by validation loss, averages included)")
    parser.add_argument("--family", metavar="NAME", help="the model_type to write (default: that of an imported run, else the first that can hold the model)")
    parser.add_argument("--max-shard-size", type=float, default=5, metavar="GB", help="largest size of one file (default: 5)")
    parser.add_argument("--no-check", action="store_true", help="do not load it in transformers and compare logits and greedy tokens")
    parser.add_argument("--json", action="store_true", help="an object instead of lines")
    parser.set_defaults(handler=_export)


def _export(args: argparse.Namespace) -> None:
    from anyformer.run.exporting import export_hf

    size = max(int(args.max_shard_size * 1e9), 1)
    made = export_hf(args.model, args.out, step=args.step, family=args.family, max_shard_size=size, check=not args.no_check)
    if args.json:
        check = None if made.check is None else made.check._asdict()
        common.print_json({"path": str(made.path), "family": made.family, "check": check, "notes": list(made.notes)})
        return
    for note in made.notes:
        print(note)
    print(f"{made.path}: {made.family}" + (f"; in transformers {made.check}" if made.check else ""))
