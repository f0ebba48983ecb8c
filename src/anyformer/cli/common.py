"""What all verbs share: common options, help with examples, versions, and answers as text or JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyformer.errors import InputError
from anyformer.run.versions import versions

if TYPE_CHECKING:
    from anyformer.run.load import Run


def add_verb(verbs: Any, name: str, summary: str, examples: str = "") -> argparse.ArgumentParser:
    """A verb's parser: its line in the list of verbs, and help that ends in examples."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def complete(parser: argparse.ArgumentParser) -> None:
    """Adds the common options to every verb (and verb of a verb) that does not define them itself."""
    parsers = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not parsers:
        _add_common(parser)
    for action in parsers:
        for child in {id(p): p for p in action.choices.values()}.values():
            complete(child)


def _add_common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("common options")
    known = {option for action in parser._actions for option in action.option_strings}

    def add(option: str, **more: Any) -> None:
        if option not in known:
            group.add_argument(option, **more)

    add("--device", default="auto", metavar="DEVICE", help="auto (a GPU where there is one), cpu, cuda, cuda:1, mps")
    add("--precision", default="auto", choices=("auto", "bf16", "fp32"), help="what to compute in; auto takes the fastest safe one")
    add("--threads", type=positive, metavar="N", help="CPU threads (default: as many as there are cores)")
    add("--data-dir", type=Path, metavar="FOLDER", help="where the named corpora lie (default: $ANYFORMER_DATA, then the cache)")


def positive(text: str) -> int:
    """An argument that is a whole number above 0."""
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return value


def output_path(text: str) -> Path:
    """An argument that names a file to write: its folder must be there, so that a slip of the pen makes none and is told before the work is done."""
    path = Path(text)
    if not path.parent.is_dir():
        raise InputError(f"{text}: there is no folder {path.parent}; make it, or take another")
    return path


LONGEST = 8192  # tokens whose pairs are computed for a picture: 67 million, gigabytes for some encodings


def drawn_length(text: str) -> int:
    """An argument that says how many tokens a picture of pairs is to have."""
    value = positive(text)
    if value > LONGEST:
        raise argparse.ArgumentTypeError(f"{text} tokens are too many to draw; take at most {LONGEST}")
    return value


# How often a thread of GNU's OpenMP, which PyTorch's wheels for Linux bring, looks for the others before it gives its core away. With the 300,000 of the
# library, about ten milliseconds, two threads on a busy machine wait most of the time for one that cannot run because the other holds the core: training
# of a small model on two cores under a load of 12 made 540 tokens/s with it, 2,600 with 3,000, 3,600 without looking at all. On the same machine with
# nothing else to do it made 22,400, 22,800 and 18,500: the pauses between two operations, some tens of microseconds, should still be bridged.
SPINS = "3000"


def apply_threads(args: argparse.Namespace) -> None:
    """Sets the number of CPU threads, and how they wait for each other, before PyTorch is imported, which is when it reads both."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    if threads := getattr(args, "threads", None):
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(threads)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """What every verb that opens a run takes."""
    parser.add_argument("--step", metavar="best|latest|N", help="which of the run's saved steps (default: the best by validation loss, averages included)")
    parser.add_argument("--batch-size", type=positive, default=32, metavar="N", help="sentences at once (default: 32)")


def add_processes(parser: argparse.ArgumentParser) -> None:
    """What every verb that trains takes."""
    meaning = "processes that share each batch, and the CPU threads (default: one a thread on a CPU where that is faster, one on a GPU)"
    parser.add_argument("--processes", type=positive, metavar="N", help=meaning)


def open_run(args: argparse.Namespace) -> Run:
    """The run that a verb names, in a process that is there for nothing else: what a search frees is kept for its next step."""
    from anyformer.run.load import load
    from anyformer.training.allocator import keep_freed_memory

    keep_freed_memory()
    return load(args.model, step=args.step, device=args.device, precision=args.precision)


def refuse_both(args: argparse.Namespace, one: str, other: str) -> None:
    """Two ways to say the same thing must not be mixed."""
    if getattr(args, one) and getattr(args, other):
        raise InputError(f"give {one} or --{other}, not both")


def exit_code(result: Any) -> int:
    """0 where training reached an end; 130 where it was interrupted, 2 where it diverged."""
    return 0 if result is None or result.finished else 130 if result.reason == "interrupted" else 2


def json_line(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False) + "\n"


def print_json(data: Any) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2))


def version_text() -> str:
    v = versions()
    commit = f" ({v['commit']})" if v["commit"] else ""
    return f"anyformer {v['anyformer']}{commit}, Python {v['python']}, PyTorch {v['torch'] or 'not installed'}"
