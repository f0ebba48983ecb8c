import gzip
import json
from pathlib import Path

import pytest

from anyformer.data import Corpus, Jsonl, Named, TextFiles, Tsv
from anyformer.errors import ConfigError, InputError


def test_text_files_are_aligned_by_line(write):
    corpus = TextFiles(source=write("a.en", "one\n two \n"), target=write("a.fr.gz", gzip.compress(b"un\ndeux\n")))
    assert corpus.read() == {"train": [("one", "un"), ("two", "deux")]}
    assert corpus.languages == ("en", "fr")


def test_unequal_line_counts_say_both(write):
    corpus = TextFiles(source=write("a.en", "1\n2\n3\n"), target=write("a.fr", "1\n2\n"))
    with pytest.raises(InputError, match="have 3 and 2 lines"):
        corpus.read()


def test_problems_of_both_files_are_said_at_once(write):
    with pytest.raises(InputError) as caught:
        TextFiles(source=write("a.en", ""), target="nowhere.fr").read()
    assert len(caught.value.problems) == 2


def test_relative_paths_are_found_in_the_data_folders(write, tmp_path, monkeypatch):
    write("mine/a.en", "one\n")
    write("mine/a.fr", "un\n")
    corpus = TextFiles(source="mine/a.en", target="mine/a.fr")
    assert corpus.read(tmp_path) == {"train": [("one", "un")]}
    monkeypatch.setenv("ANYFORMER_DATA", str(tmp_path))
    assert corpus.read() == {"train": [("one", "un")]}


def test_tsv_by_number_and_by_name(write):
    path = write("a.tsv", "id\ten\tfr\n1\tone\tun\n2\ttwo\tdeux\n")
    assert Tsv(path=path, source="fr", target="en").read() == {"train": [("un", "one"), ("deux", "two")]}
    assert Tsv(path=path, source=2, target=3).read()["train"][0] == ("en", "fr")


def test_tsv_says_which_line_lacks_a_column(write):
    path = write("a.tsv", "one\tun\n\ntwo\n")
    with pytest.raises(InputError) as caught:
        Tsv(path=path).read()
    assert caught.value.problems[0].path == f"{path}:3"


def test_tsv_says_the_nearest_column(write):
    with pytest.raises(InputError, match="did you mean 'french'"):
        Tsv(path=write("a.tsv", "english\tfrench\none\tun\n"), source="english", target="frensh").read()


@pytest.mark.parametrize("columns", [{"source": 0}, {"source": "en"}, {"source": 2, "target": 2}])
def test_impossible_columns_are_refused(columns):
    with pytest.raises(ConfigError):
        Tsv(path="a.tsv", **columns)


def test_jsonl_reads_nested_fields(write):
    rows = [{"translation": {"en": "one", "fr": "un"}}, {"translation": {"en": "two", "fr": "deux"}}]
    path = write("a.jsonl", "\n".join(json.dumps(r) for r in rows) + "\n")
    assert Jsonl(path=path, source="translation.en", target="translation.fr").read() == {"train": [("one", "un"), ("two", "deux")]}


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "no JSON"), ("[1]", "no JSON object"), ('{"source": "a"}', "no field 'target'"), ('{"source": "a", "target": 3}', "no text: 3"),
     ('{"source": "a", "target": "\\ud800"}', "half of a character")],
)  # fmt: skip
def test_jsonl_says_which_line_is_wrong(write, line, message):
    path = write("a.jsonl", '{"source": "a", "target": "b"}\n' + line + "\n")
    with pytest.raises(InputError, match=message) as caught:
        Jsonl(path=path).read()
    assert caught.value.problems[0].path == f"{path}:2"


def test_the_menu_in_data():
    corpus = Corpus.from_dict({"kind": "Tsv", "path": "a.tsv", "source": "en", "target": "fr"})
    assert corpus == Tsv(path="a.tsv", source="en", target="fr")
    assert Corpus.from_dict(corpus.to_dict()) == corpus
    assert set(Corpus.menu()) == {"Elsewhere", "Named", "TextFiles", "Tsv", "Jsonl"}


def test_named_refuses_what_it_does_not_have():
    with pytest.raises(ConfigError, match="did you mean 'multi30k'"):
        Named(name="multi3k")
    with pytest.raises(ConfigError, match="no language 'fr'; it has en, zh"):
        Named(name="tatoeba-en-zh")
    with pytest.raises(ConfigError, match="source language too"):
        Named(name="multi30k", source="de", target="de")


def test_home_folder_is_known(monkeypatch, write, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    write("a.tsv", "one\tun\n")
    assert Tsv(path="~/a.tsv").read() == {"train": [("one", "un")]}
    assert Path("~").expanduser() == tmp_path
