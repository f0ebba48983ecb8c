"""Lines in and lines out: from arguments, a file or standard input, to a file or standard output; always UTF-8."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from anyformer.errors import InputError, Problem


def lines(texts: list[str], path: Path | None) -> Iterator[str]:
    """The texts given as arguments; else the lines of the file; else those of standard input, as they come.

    Raises:
        InputError: a line is not UTF-8 (with its number).
    """
    if texts:
        yield from texts
    elif path is not None:
        from anyformer.text.files import read_lines  # here, because it brings the tokenizers with it

        yield from read_lines(path)
    else:
        if sys.stdin.isatty():
            print("type a line and press Enter; Ctrl-D ends", file=sys.stderr)
        yield from _decode(sys.stdin.buffer, "standard input")


@contextlib.contextmanager
def output(path: Path | None) -> Iterator[TextIO]:
    """The file to write to, or standard output.

    A file appears whole, in place of what was there, only when all of it was written: what goes wrong on the way changes nothing, and the input
    may be the output.
    """
    if path is None:
        yield sys.stdout
    elif path.exists() and not path.is_file():  # a device or a pipe
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            yield file
    else:
        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with open(beside, "w", encoding="utf-8", newline="\n") as file:
                yield file
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def _decode(source: Iterable[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(source, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(Problem(f"{name}:{number}", f"is not UTF-8 (byte {error.start + 1} of the line); convert it, for example with iconv")) from None
        yield text.removesuffix("\n").removesuffix("\r")
