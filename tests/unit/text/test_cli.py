"""The verb `tokenizer`, through its own parser: train, show, encode, decode, stats, and what each refuses."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import pytest
from text_examples import CORPUS

from anyformer.cli import app
from anyformer.cli import tokenizer as verb
from anyformer.errors import AnyformerError, ConfigError, InputError
from anyformer.text import BPE, Byte, Normalization, Tokenizer, save_pair, train_pair


def run(*words: str) -> int:
    """The handler's exit code; what goes wrong is raised, and not printed as the program does."""
    parser = argparse.ArgumentParser()
    verb.register(parser.add_subparsers())
    args, left = parser.parse_known_args(["tokenizer", *words])
    app._take_rest(parser, args, left, [])
    return int(args.handler(args))


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch):
    def set_to(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))

    return set_to


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The corpus in two text files."""
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, part in zip(paths, (CORPUS[::2], CORPUS[1::2]), strict=True):
        path.write_text("".join(line + "\n" for line in part), encoding="utf-8")
    return [str(p) for p in paths]


@pytest.fixture
def path(tmp_path: Path) -> str:
    BPE(vocab_size=420, normalization=Normalization(lowercase=True)).train(CORPUS).save(tmp_path / "tokenizer.json")
    return str(tmp_path / "tokenizer.json")


def test_train_writes_what_the_options_say(files, tmp_path, capsys):
    out = tmp_path / "new.json"
    options = ["--vocab-size", "400", "--lowercase", "--nfkc", "--coverage", "0.999", "--min-frequency", "1", "--whole-numbers", "--special-token", "<fr>"]
    assert run("train", *files, *options, "--out", str(out)) == 0
    assert Tokenizer.load(out).scheme == BPE(
        vocab_size=400,
        min_frequency=1,
        split_digits=False,
        character_coverage=0.999,
        special_tokens=("<fr>",),
        normalization=Normalization(lowercase=True, nfkc=True),
    )
    assert capsys.readouterr().out.startswith(f"{out}: BPE, 400 pieces, learned from 27 texts, ")


@pytest.mark.parametrize("kind", verb.KINDS)
def test_train_every_kind(kind, files, tmp_path, capsys):
    size = ["--vocab-size", "400"] if kind in ("BPE", "ByteLevelBPE", "Unigram") else []
    assert run("train", *files, "--kind", kind.lower(), *size, "--out", str(tmp_path / "t.json"), "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    tokenizer = Tokenizer.load(tmp_path / "t.json")
    assert tokenizer.scheme.kind() == kind == printed["kind"]
    assert printed["vocab_size"] == len(tokenizer) and printed["statistics"]["texts"] == 27


def test_the_kinds_are_the_menu():
    from anyformer.text import Tokenization

    assert set(verb.KINDS) == set(Tokenization.menu())


def test_train_does_not_overwrite_unless_told(files, path, standard_input):
    before = Path(path).read_bytes()
    with pytest.raises(InputError, match="--overwrite"):
        run("train", *files, "--kind", "byte", "--out", path)
    assert Path(path).read_bytes() == before
    standard_input("é\n".encode())
    assert run("train", "-", "--kind", "character", "--out", path, "--overwrite") == 0
    assert Tokenizer.load(path).vocab_size == 261


def test_train_takes_a_smaller_vocabulary_where_nobody_asked_for_a_size(files, tmp_path, capsys):
    assert run("train", *files, "--out", str(tmp_path / "t.json")) == 0
    assert 300 <= Tokenizer.load(tmp_path / "t.json").vocab_size < 8000
    assert "cannot give 8,000 pieces" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="more than this corpus can give"):
        run("train", *files, "--out", str(tmp_path / "u.json"), "--vocab-size", "8000")


def test_train_refuses_what_cannot_be(files, tmp_path):
    out = ["--out", str(tmp_path / "t.json")]
    (tmp_path / "latin").write_bytes("é\n".encode("latin-1"))
    for words, error, why in (
        ([files[0], "--kind", "unigramm"], ConfigError, "did you mean 'Unigram'"),
        ([files[0], "--kind", "byte", "--vocab-size", "300"], ConfigError, "--vocab-size: kind Byte has no such option"),
        ([files[0], "--vocab-size", "100"], ConfigError, "too small"),
        ([files[0], "--coverage", "2"], ConfigError, "character_coverage"),
        ([files[0], "--special-token", "fr"], ConfigError, "angle brackets"),
        ([str(tmp_path / "none")], InputError, "no such file"),
        ([str(tmp_path / "latin")], InputError, "latin:1.*is not UTF-8: byte 1"),
    ):
        with pytest.raises(error, match=why):
            run("train", *words, *out)
    with pytest.raises(InputError, match="there is no folder"):
        run("train", files[0], "--out", str(tmp_path / "no" / "t.json"))
    assert not (tmp_path / "t.json").exists()


def test_show(path, capsys):
    assert run("show", path, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["kind"], summary["vocab_size"], summary["learned_pieces"]) == ("BPE", 420, 160)
    assert summary["special_tokens"] == {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3}
    assert summary["options"]["normalization"]["lowercase"] is True
    assert run("show", path) == 0
    text = capsys.readouterr().out
    assert "BPE" in text and "lowercase True" in text and "▁bicycle" in text


def test_encode_and_decode_are_inverse(path, capsys, standard_input):
    assert run("encode", path, "A man", "是 é") == 0
    assert capsys.readouterr().out == "▁a ▁man\n是[1/3] 是[2/3] 是[3/3] ▁ é\n"
    assert run("encode", path, "A man", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["text"] == "A man" and printed["pieces"] == ["▁a", "▁man"]
    standard_input("a man\n\n  été 猫\n".encode())
    assert run("encode", path, "--ids") == 0
    ids = capsys.readouterr().out
    standard_input(ids.encode())
    assert run("decode", path) == 0
    assert capsys.readouterr().out == "a man\n\n  été 猫\n"
    standard_input(f"[{', '.join(map(str, printed['ids']))}]\n".encode())
    assert run("decode", path) == 0
    assert run("decode", path, *map(str, printed["ids"])) == 0
    assert capsys.readouterr().out == "a man\na man\n"


def test_decode_refuses_what_is_no_id(path, standard_input):
    for words, why in ((["x"], "'x' is no id"), (["99999"], "id 99999 is not in the vocabulary"), (["1.5"], "'1.5' is no id")):
        with pytest.raises(AnyformerError, match=why):
            run("decode", path, *words)
    standard_input(b"5\n5 -1\n")
    with pytest.raises(InputError, match="standard input:2: '-1' is no id"):
        run("decode", path)


def test_stats(path, files, capsys):
    assert run("stats", path, *files, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["texts"] == 27 and printed["lengths"]["100"] >= printed["lengths"]["50"]
    assert run("stats", path, *files) == 0
    assert "pieces per word" in capsys.readouterr().out


def test_a_run_folder_with_one_tokenizer_or_two(tmp_path, capsys):
    english, french = CORPUS[:3] * 2, CORPUS[3:6] * 2
    source, target = train_pair(BPE(vocab_size=310, joint=False), english, french)
    save_pair(tmp_path, source, target)
    assert run("encode", str(tmp_path), "maison", "--json") == 0
    assert json.loads(capsys.readouterr().out)["ids"] == source.encode("maison")
    assert run("encode", str(tmp_path), "--side", "target", "maison", "--json") == 0
    assert json.loads(capsys.readouterr().out)["ids"] == target.encode("maison")
    assert run("show", str(tmp_path), "--json") == 0
    assert [s["side"] for s in json.loads(capsys.readouterr().out)] == ["source", "target"]
    Byte().train([]).save(tmp_path / "tokenizer.json")
    assert run("show", str(tmp_path), "--json") == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "Byte"


def test_a_path_that_holds_no_tokenizer(tmp_path):
    for place, why in ((tmp_path, "holds no tokenizer"), (tmp_path / "x.json", "no such file")):
        with pytest.raises(InputError, match=why):
            run("show", str(place))


def test_the_program_prints_what_is_wrong_and_exits_with_2(path, monkeypatch, capsys):
    monkeypatch.setattr(app, "VERBS", ("tokenizer",))
    assert app.main(["tokenizer", "decode", path, "99999"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err == "error: ids: id 99999 is not in the vocabulary, which has the ids 0 to 419\n"
    assert app.main(["tokenizer", "encode", path, "--ids", "A", "man"]) == 0
    assert app.main(["tokenizer", "train", "--help"]) == 0
    assert "examples:" in capsys.readouterr().out
