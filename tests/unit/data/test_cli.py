"""The verb `data`, through its own parser: what it prints and what it refuses."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import pytest

from anyformer.cli import data as verb
from anyformer.data import locate, phrasebook
from anyformer.data.named import CORPORA, NamedCorpus
from anyformer.errors import InputError


def run(*words: str, data_dir: Path | None = None) -> int:
    parser = argparse.ArgumentParser()
    verb.register(parser.add_subparsers())
    args = parser.parse_args(["data", *words])
    args.data_dir = data_dir
    return args.handler(args)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a named corpus of three columns."""
    (tmp_path / "three").mkdir()
    files = []
    for split, n in (("train", 4), ("validation", 2), ("test", 1)):
        text = "".join(f"{split} {i}\t{split}-fr {i}\t{split}-zh {i}\n" for i in range(n))
        (tmp_path / "three" / f"{split}.tsv").write_text(text)
        files.append(locate.DataFile(split=split, name=f"{split}.tsv", languages=("en", "fr", "zh"), sha256=hashlib.sha256(text.encode()).hexdigest()))
    monkeypatch.setitem(CORPORA, "three", NamedCorpus("three", "three columns", ("en", "fr", "zh"), "public domain", "nowhere", tuple(files)))
    return tmp_path


def test_list_says_what_is_here(here, capsys):
    assert run("list", data_dir=here) == 0
    text = capsys.readouterr().out
    assert f"three  en, fr, zh  here: {here / 'three'}\n" in text and "tatoeba-en-zh  en, zh  not here: " in text
    assert "phrasebook  en, fr, zh  here: made on the spot\n" in text
    run("list", "--json", data_dir=here)
    found = {row["name"]: row["here"] for row in json.loads(capsys.readouterr().out)}
    assert found == {"phrasebook": True, "multi30k": False, "tatoeba-en-zh": False, "three": True}


def test_show_counts_and_pairs(here, capsys):
    assert run("show", "three", "--target", "zh", "--count", "1", data_dir=here) == 0
    text = capsys.readouterr().out
    assert "three en-zh" in text and "public domain" in text and "train 0\n    train-zh 0" in text and "train 1" not in text
    run("show", "three", "--source", "fr", "--split", "test", "--json", data_dir=here)
    answer = json.loads(capsys.readouterr().out)
    assert answer["pairs"] == [{"source": "test-fr 0", "target": "test 0"}]
    assert answer["splits"]["train"]["kept"] == 4 and answer["licence"] == "public domain"


def test_show_own_files(write, capsys):
    source, target = write("a.en", "one\ntwo\nthree\n"), write("a.fr", "un\ndeux\ntrois\n")
    assert run("show", source, target) == 0
    assert "2 pairs" in capsys.readouterr().out
    assert run("show", write("a.tsv", "x\tone\tun\ny\ttwo\tdeux\n"), "--source", "3", "--target", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["pairs"][0]["source"] in ("un", "deux")
    assert run("show", write("a.jsonl", '{"source": "a", "target": "b"}\n{"source": "c", "target": "d"}\n')) == 0


def test_names_that_are_none(write):
    with pytest.raises(InputError, match="did you mean 'multi30k'"):
        run("show", "multi3k")
    with pytest.raises(InputError, match="no corpus is called"):
        run("get", "wmt14")
    with pytest.raises(InputError, match="no such file"):
        run("show", "nowhere.tsv")
    with pytest.raises(InputError, match="one or two files"):
        run("show", "a", "b", "c")


def test_show_says_what_is_in_the_phrasebook(capsys):
    info = phrasebook.info()
    assert run("show", "phrasebook", "--count", "1") == 0
    text = capsys.readouterr().out
    assert f"words: {info['words']:,} (nouns " in text and f"constructions: {info['templates']}" in text
    assert f"held-out combinations: {info['held_out']} (adjective-noun " in text
    run("show", "phrasebook", "--count", "1", "--json")
    assert json.loads(capsys.readouterr().out)["contents"]["words"] == info["words_by_part"]


def test_get_finds_and_exports(here, tmp_path, capsys):
    assert run("get", "three", data_dir=here) == 0
    assert str(here / "three" / "train.tsv") in capsys.readouterr().out
    out = tmp_path / "out"
    for _ in range(2):  # the same again is no conflict
        assert run("get", "three", "--target", "fr", "--out", str(out), data_dir=here) == 0
    assert sorted(p.name for p in out.iterdir()) == ["test.en", "test.fr", "train.en", "train.fr", "validation.en", "validation.fr"]
    assert (out / "validation.fr").read_text() == "validation-fr 0\nvalidation-fr 1\n"


def test_get_writes_a_generated_corpus_into_the_cache(monkeypatch, capsys):
    made = NamedCorpus("made", "", ("en", "fr"), "", "", generate=lambda s, t: [[(f"{s} 1", f"{t} 1")], [(f"{s} 2", f"{t} 2")], [(f"{s} 3", f"{t} 3")]])
    monkeypatch.setitem(CORPORA, "made", made)
    assert run("get", "made", "--source", "fr", "--json") == 0
    folder = locate.cache_dir() / "made"
    assert json.loads(capsys.readouterr().out)["files"][0] == str(folder / "train.fr")
    assert (folder / "test.en").read_text() == "en 3\n"


def test_get_writes_over_nothing(here, write):
    mine = Path(write("out/train.en", "mine\n"))
    with pytest.raises(InputError, match="holds something else"):
        run("get", "three", "--out", str(mine.parent), data_dir=here)
    assert mine.read_text() == "mine\n" and len(list(mine.parent.iterdir())) == 1


def test_files_that_are_written_have_the_mode_that_files_have(here, capsys):
    assert run("get", "three", "--out", str(here / "out"), data_dir=here) == 0
    (here / "plain").write_text("")
    assert (here / "out" / "train.en").stat().st_mode == (here / "plain").stat().st_mode
