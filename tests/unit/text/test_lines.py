"""Text files are read as lines of UTF-8, and where they are not, the error says which line and byte."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from anyformer.errors import InputError
from anyformer.text import read_lines

CONTENT = "\ufeffa é\r\n\n中\u2028文\x0b\nlast".encode()
LINES = ["a é", "", "中\u2028文\x0b", "last"]


def test_lines_plain_and_gzip(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(CONTENT)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(CONTENT))
    assert list(read_lines(tmp_path / "a.txt")) == list(read_lines(str(tmp_path / "a.txt.gz"))) == LINES


def test_what_is_not_utf8_is_named_by_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"fine\nab\xe9t\xe9\n")
    lines = read_lines(path)
    assert next(lines) == "fine"
    with pytest.raises(InputError, match="byte 3 of the line is 0xE9.*iconv") as caught:
        next(lines)
    assert caught.value.problems[0].path == f"{path}:2"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    whole = gzip.compress(b"text\n" * 1000)
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no.gz").write_bytes(b"plain text")
    for name, why in (("cut.gz", "cannot be unpacked"), ("no.gz", "cannot be unpacked"), ("missing", "no such file"), ("", "is a folder")):
        with pytest.raises(InputError, match=why):
            list(read_lines(tmp_path / name))
