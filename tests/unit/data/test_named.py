import dataclasses
import gzip
import hashlib
from pathlib import Path

import pytest

from anyformer.data import DataConfig, Named, load_splits, locate
from anyformer.data.named import CORPORA, NamedCorpus
from anyformer.errors import InputError

TEXTS = {"train.en": "one\ntwo\n", "train.fr": "un\ndeux\n", "val.en": "three\n", "val.fr": "trois\n", "test.en": "four\n", "test.fr": "quatre\n"}
SPLIT = {"train": "train", "val": "validation", "test": "test"}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NamedCorpus:
    """A named corpus whose public home is a folder: gzip files behind file:// addresses."""
    home = tmp_path / "home"
    home.mkdir()
    files = []
    for name, text in TEXTS.items():
        (home / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        stem, language = name.split(".")
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        files.append(locate.DataFile(split=SPLIT[stem], name=name, languages=(language,), sha256=sha256, url=(home / f"{name}.gz").as_uri()))
    corpus = NamedCorpus(name="small", description="", languages=("en", "fr"), licence="", home="", files=tuple(files))
    monkeypatch.setitem(CORPORA, "small", corpus)
    return corpus


def put(folder: Path, texts: dict[str, str] = TEXTS) -> Path:
    (folder / "small").mkdir(parents=True)
    for name, text in texts.items():
        (folder / "small" / name).write_text(text)
    return folder


def test_downloads_unpacks_and_keeps(small, capsys):
    splits = Named(name="small").read()
    assert splits == {"train": [("one", "un"), ("two", "deux")], "validation": [("three", "trois")], "test": [("four", "quatre")]}
    assert "downloading" in capsys.readouterr().err
    assert sorted(p.name for p in (locate.cache_dir() / "small").iterdir()) == sorted(TEXTS)
    assert Named(name="small").read() == splits
    assert "downloading" not in capsys.readouterr().err


def test_order_of_folders(small, tmp_path, monkeypatch):
    explicit, environment, cache = (put(tmp_path / name) for name in ("explicit", "environment", "cache/anyformer"))
    file = small.files[0]
    assert locate.find("small", file) == cache / "small" / file.name
    monkeypatch.setenv("ANYFORMER_DATA", str(environment))
    assert locate.find("small", file) == environment / "small" / file.name
    assert locate.find("small", file, explicit) == explicit / "small" / file.name


def test_packed_files_are_found(small, tmp_path):
    folder = put(tmp_path / "data")
    (folder / "small" / "train.en").unlink()
    (folder / "small" / "train.en.gz").write_bytes(gzip.compress(TEXTS["train.en"].encode()))
    assert Named(name="small").read(folder)["train"] == [("one", "un"), ("two", "deux")]


def test_another_content_is_refused(small, tmp_path):
    folder = put(tmp_path / "data", TEXTS | {"train.en": "one\nzwei\n"})
    with pytest.raises(InputError, match="not the published file") as caught:
        Named(name="small").read(folder)
    assert caught.value.problems[0].path == str(folder / "small" / "train.en")


def test_a_download_of_another_content_is_not_kept(small, tmp_path):
    (tmp_path / "home" / "train.en.gz").write_bytes(gzip.compress(b"other\n"))
    with pytest.raises(InputError, match="not the published"):
        Named(name="small").read()
    assert not list((tmp_path / "cache").rglob("train.en*"))


def test_nowhere_says_where_to_put_what(small, tmp_path):
    (tmp_path / "home" / "val.fr.gz").unlink()
    with pytest.raises(InputError) as caught:
        Named(name="small").read()
    message = str(caught.value)
    assert "val.fr" in message and str(tmp_path / "cache" / "anyformer" / "small") in message and "ANYFORMER_DATA" in message
    assert "train.en" not in message


def test_a_data_folder_that_is_none_is_refused(small, tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        Named(name="small").read(tmp_path / "typo")


def test_tatoeba_says_how_to_get_it():
    with pytest.raises(InputError, match="kind: Tsv, path: cmn.txt"):
        Named(name="tatoeba-en-zh", target="zh").read()


def test_columns_are_read_in_either_direction(tmp_path, monkeypatch):
    text = {name: f"{name} en\t{name} zh\tby me\n" for name in ("train.tsv", "val.tsv", "test.tsv")}
    corpus = CORPORA["tatoeba-en-zh"]
    files = tuple(dataclasses.replace(f, sha256=hashlib.sha256(text[f.name].encode()).hexdigest()) for f in corpus.files)
    monkeypatch.setitem(CORPORA, "tatoeba-en-zh", dataclasses.replace(corpus, files=files))
    (tmp_path / "tatoeba-en-zh").mkdir()
    for name, content in text.items():
        (tmp_path / "tatoeba-en-zh" / name).write_text(content)
    assert Named(name="tatoeba-en-zh", source="zh", target="en").read(tmp_path)["validation"] == [("val.tsv zh", "val.tsv en")]


def test_every_file_of_every_corpus_has_a_checksum():
    for corpus in CORPORA.values():
        assert corpus.generate or {f.split for f in corpus.files} == {"train", "validation", "test"}
        assert all(len(f.sha256) == 64 for f in corpus.files)


def test_writing_whole_leaves_nothing_behind(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(locate.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        locate.write_whole(tmp_path / "a", b"new")
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_load_splits_takes_the_corpus_own_parts(small):
    splits = load_splits(DataConfig(corpus=Named(name="small")))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (2, 1, 1)
