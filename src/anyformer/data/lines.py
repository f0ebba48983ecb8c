"""Text files as lists of lines: UTF-8, plain or gzip, with the line and the byte where they cannot be read."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from anyformer.errors import InputError, Problem, counted

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(path: Path) -> list[str]:
    """The lines of a file without their line breaks. A line ends at \\n or \\r\\n only: U+2028 and the like stand inside sentences.

    Raises:
        InputError: no such file, not readable, empty, not UTF-8, or a gzip file that is not whole.
    """
    data = read_bytes(path).removeprefix(BYTE_ORDER_MARK)
    if not data.strip():
        lines = counted(data.count(b"\n") or 1, "line")
        what = f"holds nothing but white space ({lines})" if data else "is empty"
        raise InputError(Problem(str(path), f"{what}; at least one line of text is needed"))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(_not_utf8(path, data, error)) from None
    found = text.split("\n")
    if found[-1] == "":
        found.pop()
    return [line.removesuffix("\r") for line in found]


def read_all(*paths: Path) -> list[list[str]]:
    """The lines of each file; InputError with the problems of all of them."""
    found: list[list[str]] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found.append(read_lines(path))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return found


def read_bytes(path: Path) -> bytes:
    """The content of a file; gzip is told by its first bytes, not by its name. Raises InputError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(Problem(str(path), "there is no such file")) from None
    except IsADirectoryError:
        raise InputError(Problem(str(path), "is a folder; a file is needed")) from None
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be read: {error.strerror or error}")) from None
    return unzip(data, str(path)) if data.startswith(GZIP_MAGIC) else data


def unzip(data: bytes, name: str) -> bytes:
    """The content of a gzip file `name`; InputError where it is not whole."""
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(Problem(name, f"is no whole gzip file ({error}); fetch or pack it again")) from None


def _not_utf8(path: Path, data: bytes, error: UnicodeDecodeError) -> Problem:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Problem(str(path), "is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8")
    line = data.count(b"\n", 0, error.start) + 1
    column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
    byte = f"byte 0x{data[error.start]:02x}, number {column} of the line"
    return Problem(f"{path}:{line}", f"is not UTF-8: {byte}; convert the file: iconv -f LATIN1 -t UTF-8 (or from what it is written in)")
