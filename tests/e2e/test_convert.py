"""Surgery on a trained run through the command line: what it promises of outputs, and that what it makes can be trained on."""

import json

import pytest

import anyformer
from anyformer.cli import main

TEXTS = ["the dog sees the moon .", "a bird likes a tree ."]


def out_of(capsys, *args):
    code = main([str(a) for a in args])
    told = capsys.readouterr()
    assert code == 0, told.err
    return told.out


def scores(path):
    pairs = list(zip(TEXTS, ["le chien voit la lune .", "un oiseau aime un arbre ."], strict=True))
    return [s.log_prob for s in anyformer.load(path, precision="fp32").score(pairs)]


@pytest.mark.parametrize("options", [["--layers", "3x", "--silent"], ["--upcycle", "4", "--every", "1"], ["--layers", "2x", "--silent", "--upcycle", "3"]])
def test_what_begins_equal_translates_equally_and_trains_on(options, trained, tmp_path, capsys):
    made = json.loads(out_of(capsys, "convert", trained, tmp_path / "made", *options, "--json"))
    assert made["parameters"] > made["parameters_before"] and made["run"] == str(tmp_path / "made")
    assert scores(tmp_path / "made") == pytest.approx(scores(trained), abs=1e-4)
    assert out_of(capsys, "translate", tmp_path / "made", *TEXTS) == out_of(capsys, "translate", trained, *TEXTS)
    assert f"{made['parameters']:,}" in out_of(capsys, "describe", tmp_path / "made")
    assert main(["train", "--resume", str(tmp_path / "made"), "--quiet", "train.max_steps=4", "train.log_every=2"]) == 0
    logged = [json.loads(line) for line in (tmp_path / "made" / "metrics.jsonl").read_text().splitlines()]
    first = next(line for line in logged if "loss" in line)
    assert first["step"] == 2 and first["loss"] < 1.0, "it starts from what was learned"
    assert ("load" in first) == ("--upcycle" in options)


def test_other_surgery(trained, tmp_path, capsys):
    told = out_of(capsys, "convert", trained, tmp_path / "gqa", "--kv-heads", 1, "--vocab", 64, "--step", "latest")
    assert "parameters" in told and "step-000060" in told
    run = anyformer.load(tmp_path / "gqa")
    assert run.config.vocab_size == 64 and run.config.decoder.blocks[0].cross_attention.n_kv_heads == 1
    assert len(run.translate(TEXTS)) == 2
    assert main(["train", "--resume", str(tmp_path / "gqa"), "--quiet", "train.max_steps=2"]) == 0


def test_a_run_converted_stays_as_it_was(trained, tmp_path, capsys):
    before = {p: p.read_bytes() for p in sorted(trained.rglob("*")) if p.is_file()}
    out_of(capsys, "convert", trained, tmp_path / "made", "--to-prefix")
    assert before == {p: p.read_bytes() for p in sorted(trained.rglob("*")) if p.is_file()}
    assert out_of(capsys, "convert", trained, tmp_path / "made", "--to-prefix", "--overwrite")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "say what to change"),
        (["--silent"], "give --layers too"),
        (["--top-k", "2"], "give --upcycle too"),
        (["--layers", "2"], "as 2x"),
        (["--layers", "1x"], "at least 2 copies"),
        (["--kv-heads", "5"], "take one of 1, 2"),
        (["--rope", "Linear:factor=2"], "no layer has rotary"),
        (["--rope", "Linea:factor=2"], "did you mean 'Linear'"),
        (["--rope", "NTK:factr=2"], "did you mean 'factor'"),
        (["--positions", "99"], "no learned table"),
        (["--vocab", "3"], "does not grow"),
        (["--upcycle", "2", "--top-k", "3", "--every", "1"], "take at most 2"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(options, says, trained, tmp_path, capsys):
    assert main(["convert", str(trained), str(tmp_path / "made"), *options]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("x")
    assert main(["convert", str(trained), str(tmp_path / "taken"), "--to-prefix"]) == 2
