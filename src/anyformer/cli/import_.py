"""`anyformer import FOLDER OUT`: weights of Hugging Face as a run that every verb takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from anyformer.cli import common

EXAMPLES = """\
  anyformer import models/gpt2 runs/gpt2
  anyformer generate runs/gpt2 --prompt "Once upon a time"
  anyformer import models/llama runs/llama --dtype bf16
  anyformer import old-checkpoint runs/x --allow-pickle
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "import", "take a Hugging Face checkpoint over as a run", EXAMPLES)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="config.json, *.safetensors and tokenizer files; nothing is downloaded")
    parser.add_argument("out", type=Path, metavar="OUT", help="the run's folder")
    parser.add_argument("--dtype", choices=("fp32", "bf16", "fp16"), help="of the weights (default: as stored)")
    parser.add_argument("--allow-pickle", action="store_true", help="read pytorch_model.bin too; tensors only, no code is run")
    parser.add_argument("--without-tokenizer", action="store_true", help="weights only: a run that can be described and exported, but has no texts")
    parser.add_argument("--overwrite", action="store_true", help="replace the run that stands in OUT")
    parser.add_argument("--json", action="store_true", help="an object instead of lines")
    parser.set_defaults(handler=_import)


def _import(args: argparse.Namespace) -> None:
    from anyformer.run.importing import import_hf

    made = import_hf(
        args.folder,
        args.out,
        dtype=args.dtype,
        allow_pickle=args.allow_pickle,
        with_tokenizer=not args.without_tokenizer,
        overwrite=args.overwrite,
    )
    if args.json:
        common.print_json({"run": str(made.path), "parameters": made.parameters, "notes": list(made.notes)})
        return
    for note in made.notes:
        print(note)
    print(f"{made.path}: {made.parameters:,} parameters")
