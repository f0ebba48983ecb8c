"""Lines in and lines out: from arguments, a file or standard input, to a file or standard output; always UTF-8."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from anyformer.errors import InputError, Problem, file_of


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

    A file whose name ends in .gz is packed. A file appears whole, in place of what was there, only when all of it was written: what goes wrong on the
    way changes nothing, and the input may be the output.
    """
    if path is None:
        yield sys.stdout
    elif _is_no_plain_file(path):
        with _about(path, path), _opened(path) as file:
            yield file
    else:
        place = Path(os.path.realpath(path))  # a link stays a link
        beside = place.with_name(f".{place.name}.{os.getpid()}.part")
        try:
            with _about(path, beside):
                with _opened(beside, place.name if path.suffix == ".gz" else "") as file:
                    yield file
                os.replace(beside, place)
        finally:
            with contextlib.suppress(OSError):  # it has its own message
                beside.unlink(missing_ok=True)


def _is_no_plain_file(path: Path) -> bool:
    """A device or a pipe, of which none must stand in another's place: /dev/stdout may lead to a file."""
    return str(path).startswith(("/dev/std", "/dev/fd/", "/proc/")) or (path.exists() and not path.is_file())


@contextlib.contextmanager
def _opened(path: Path, packed_as: str = "") -> Iterator[TextIO]:
    """A file to write text to; `packed_as`: a gzip file whose content has this name."""
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(open(path, "wb"))
        file = stack.enter_context(gzip.GzipFile(packed_as, "wb", fileobj=plain, mtime=0)) if packed_as else plain
        yield stack.enter_context(io.TextIOWrapper(file, encoding="utf-8", newline="\n"))


@contextlib.contextmanager
def _about(path: Path, written: Path) -> Iterator[None]:
    """Errors of writing name the file that was asked for, not the one beside it (and not none, as a full disk does)."""
    try:
        yield
    except OSError as error:
        if file_of(error) in ("", str(written)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _decode(source: Iterable[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(source, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(Problem(f"{name}:{number}", f"is not UTF-8 (byte {error.start + 1} of the line); convert it, for example with iconv")) from None
        yield text.removesuffix("\n").removesuffix("\r")
