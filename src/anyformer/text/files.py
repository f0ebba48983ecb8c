"""Lines of text files, plain or gzip, that say where they are not UTF-8."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from anyformer.errors import InputError, Problem


def read_lines(path: str | os.PathLike[str]) -> Iterator[str]:
    """The lines of a text file without their ends (\\n or \\r\\n; no other character ends a line), a byte-order mark left out. `.gz` is unpacked.

    Raises:
        InputError: there is no such file, it cannot be unpacked, or a line is not UTF-8 (which, and at which byte).
    """
    path = Path(path)
    try:
        with _open(path) as file:
            for number, line in enumerate(file, 1):
                yield _decode(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, f"{path}:{number}")
    except FileNotFoundError:
        raise InputError(Problem(str(path), "no such file")) from None
    except IsADirectoryError:
        raise InputError(Problem(str(path), "is a folder, not a text file")) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(Problem(str(path), f"cannot be unpacked: {error}; it is no gzip file, or not whole")) from None


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else open(path, "rb")


def _decode(line: bytes, where: str) -> str:
    try:
        return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise InputError(
            Problem(where, f"is not UTF-8: byte {error.start + 1} of the line is 0x{byte:02X}; convert the file, such as with `iconv -f LATIN1 -t UTF-8`")
        ) from None
