"""Finds the verb, runs it, and says in a few lines what went wrong.

Exit codes: 0 done; 1 our fault; 2 the input's; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence

from anyformer.cli import common, failure
from anyformer.errors import AnyformerError

VERBS = (
    "demo",
    "train",
    "translate",
    "generate",
    "score",
    "evaluate",
    "attention",
    "position",
    "mask",
    "list",
    "describe",
    "diff",
    "draw",
    "convert",
    "import",
    "export",
    "recipes",
    "runs",
    "data",
    "tokenizer",
)
_FILES = {"import": "import_"}  # verbs that Python keeps for itself

EXAMPLES = """\
examples:
  anyformer demo                                             train a small translator on the embedded corpus, in minutes
  anyformer train multi30k-en-fr train.max_minutes=30        train from a recipe, with changes
  anyformer train --source a.en --target a.fr                train on your own sentences
  anyformer translate runs/x "A man is riding a bicycle."    translate with what was trained
  anyformer VERB --help                                      all options of a verb, with examples
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `anyformer ARGV` and returns its exit code."""
    _speak_utf8()
    parser = _parser()
    given = list(sys.argv[1:] if argv is None else argv)
    end = given.index("--") if "--" in given else len(given)
    try:
        args, left = parser.parse_known_args(given[:end])
        _take_rest(parser, args, left, given[end + 1 :])
    except SystemExit as stop:
        return int(stop.code or 0) if not isinstance(stop.code, str) else 2
    except AnyformerError as error:  # an argument of the right form that cannot be
        return failure.wrong_input([str(p) for p in error.problems])
    if args.version:
        print(common.version_text())
        return 0
    if not hasattr(args, "handler"):
        parser.print_help()
        return 0
    return _run(args)


def _take_rest(parser: argparse.ArgumentParser, args: argparse.Namespace, left: list[str], texts: list[str]) -> None:
    """Gives free arguments to the verb that takes them: those behind an option, which argparse leaves over (`train x --out y key=value`), and those
    behind `--`, which may begin with a dash."""
    unknown = [a for a in left if a.startswith("-") and len(a) > 1]
    if unknown or ((left or texts) and not hasattr(args, "rest")):
        parser.error(f"unknown: {' '.join(unknown or left or texts)} (see `anyformer VERB --help`)")
    if left or texts:
        getattr(args, args.rest).extend([*left, *texts])


def _run(args: argparse.Namespace) -> int:
    try:
        common.apply_threads(args)
        code = args.handler(args)
        sys.stdout.flush()
        return int(code or 0)
    except AnyformerError as error:
        return failure.wrong_input([str(p) for p in error.problems])
    except BrokenPipeError:
        return _reader_is_gone()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno == errno.EPIPE:
            return _reader_is_gone()
        if error.errno not in failure.OURS:
            return failure.wrong_input([failure.about_file(error)])
        return failure.our_fault(error)
    except MemoryError as error:
        return failure.wrong_input([failure.about_memory(error)])
    except Exception as error:
        if failure.is_out_of_memory(error):
            return failure.wrong_input([failure.about_memory(error)])
        return failure.our_fault(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anyformer",
        description="Train, evaluate, inspect and use Transformers, from raw text to a translation.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="version, git commit, Python and PyTorch")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    for name in VERBS:
        importlib.import_module(f"anyformer.cli.{_FILES.get(name, name)}").register(verbs)
    common.complete(parser)
    return parser


def _reader_is_gone() -> int:
    """The reader of our output (`| head`) has closed it: not an error, and nothing more can be written."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _speak_utf8() -> None:
    """Standard streams read and write UTF-8 whatever the locale says; what is not UTF-8 on input is refused where it is read."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="strict" if stream is sys.stdin else "backslashreplace")
