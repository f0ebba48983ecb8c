import gzip
from pathlib import Path

import pytest

from anyformer.data.lines import read_all, read_lines
from anyformer.errors import InputError


def test_lines_end_at_line_feeds_only(write):
    path = write("a.txt", "one\u2028still one\r\ntwo\x0bstill two\n\nfour")
    assert read_lines(Path(path)) == ["one\u2028still one", "two\x0bstill two", "", "four"]


def test_a_byte_order_mark_is_no_text(write):
    assert read_lines(Path(write("a.txt", b"\xef\xbb\xbfone\n"))) == ["one"]


@pytest.mark.parametrize("name", ["a.gz", "a.txt"])
def test_gzip_is_told_by_its_content(write, name):
    assert read_lines(Path(write(name, gzip.compress(b"one\ntwo\n")))) == ["one", "two"]


def test_not_utf8_says_line_and_byte(write):
    path = write("a.txt", b"fine\nun caf\xe9 noir\n")
    with pytest.raises(InputError) as caught:
        read_lines(Path(path))
    problem = caught.value.problems[0]
    assert problem.path == f"{path}:2"
    assert "0xe9, number 7 of the line" in problem.message


def test_utf16_is_named(write):
    with pytest.raises(InputError, match="UTF-16"):
        read_lines(Path(write("a.txt", "hello\n".encode("utf-16"))))


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "is empty"), (b"\n \n", "white space .2 lines"), (b" ", "white space .1 line"), (gzip.compress(b"", mtime=0), "is empty")]
)
def test_empty_files_are_refused(write, content, says):
    with pytest.raises(InputError, match=says):
        read_lines(Path(write("a.txt", content)))


def test_a_truncated_gzip_file_is_refused(write):
    with pytest.raises(InputError, match="no whole gzip"):
        read_lines(Path(write("a.gz", gzip.compress(b"one\ntwo\n" * 100)[:-9])))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError) as caught:
        read_all(tmp_path / "none.txt", tmp_path)
    assert ["no such file" in p.message or "folder" in p.message for p in caught.value.problems] == [True, True]
