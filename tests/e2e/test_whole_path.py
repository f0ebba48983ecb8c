"""From raw text to a translation, through the command line and through Python."""

import base64
import gzip
import io
import json
import os
import signal
import sys
import threading
import time

import html_check
import pytest

import anyformer
from anyformer.cli import main
from anyformer.run import folder

TEXT = "the dog sees the moon ."


def out_of(capsys, *args):
    code = main([str(a) for a in args])
    told = capsys.readouterr()
    assert code == 0, told.err
    return told.out


def test_a_run_leaves_what_the_design_says(trained):
    names = {p.name for p in trained.iterdir()}
    assert {"config.yaml", "tokenizer.json", "metrics.jsonl", "latest", "best", "samples", "tensorboard", "plots", "step-000060", "report.html"} <= names
    assert {"loss.png", "loss.svg"} <= {p.name for p in (trained / "plots").iterdir()}
    made = folder.read_config(trained)["run"]
    assert made["name"] == "tiny" and made["command"] and made["versions"]["torch"]
    assert json.loads((trained / "evaluation.json").read_text())["metrics"]["bleu"]["signature"].startswith("nrefs:1")


def test_a_finished_run_is_on_one_page_that_needs_nothing_else(trained):
    page = html_check.read((trained / "report.html").read_text(encoding="utf-8"))
    assert page.problems == [] and "script" not in page.tags
    scores = json.loads((trained / "evaluation.json").read_text())["metrics"]
    assert all(f"{scores[name]['score']:.2f}" in page.text for name in ("bleu", "chrf", "perplexity")) and scores["bleu"]["signature"] in page.text
    [picture] = page.attributes["src"]
    assert b"</svg>" in base64.b64decode(picture.removeprefix("data:image/svg+xml;base64,"))
    last = (trained / "samples" / "step-000060.txt").read_text(encoding="utf-8").splitlines()[2]
    for text in (
        "60 steps are done",
        "177 pairs",
        "encoder.layers.*.attention",
        "torch ",
        "anyformer train",
        "kind: TextFiles",
        last.removeprefix("  model      "),
    ):
        assert text in page.text, text


def test_it_has_learned(trained):
    first, *_, last = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines() if "loss" in json.loads(line)]
    assert last["loss"] < 0.7 * first["loss"]


def test_translate_arguments_files_and_streams_agree(trained, tmp_path, capsys, monkeypatch):
    from_arguments = out_of(capsys, "translate", trained, TEXT, "a bird likes a tree .")
    (tmp_path / "in").write_text(f"{TEXT}\na bird likes a tree .\n")
    out_of(capsys, "translate", trained, "--input", tmp_path / "in", "--output", tmp_path / "out")
    assert (tmp_path / "out").read_text(encoding="utf-8") == from_arguments
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{TEXT}\na bird likes a tree .\n".encode())))
    assert out_of(capsys, "translate", trained) == from_arguments
    run = anyformer.load(trained)
    assert run.translate([TEXT, "a bird likes a tree ."]) == from_arguments.splitlines()


def test_packed_output_is_packed_input(trained, tmp_path, capsys):
    (tmp_path / "in").write_text(f"{TEXT}\na bird likes a tree .\n")
    out_of(capsys, "translate", trained, "--input", tmp_path / "in", "--output", tmp_path / "out.gz")
    expected = out_of(capsys, "translate", trained, "--input", tmp_path / "in")
    assert gzip.decompress((tmp_path / "out.gz").read_bytes()).decode() == expected
    assert out_of(capsys, "translate", trained, "--input", tmp_path / "out.gz").count("\n") == 2
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    out_of(capsys, "translate", trained, TEXT, "--output", tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "plain").read_text(encoding="utf-8") == expected.splitlines(keepends=True)[0]


def test_n_best_with_scores(trained, capsys):
    rows = [line.split("\t") for line in out_of(capsys, "translate", trained, TEXT, TEXT, "--beam", 4, "--n-best", 3, "--scores").splitlines()]
    assert [row[:2] for row in rows] == [["1", "1"], ["1", "2"], ["1", "3"], ["2", "1"], ["2", "2"], ["2", "3"]]
    scores = [float(row[2]) for row in rows[:3]]
    assert scores == sorted(scores, reverse=True)
    found = json.loads(out_of(capsys, "translate", trained, TEXT, "--beam", 4, "--n-best", 3, "--json"))
    assert [c["text"] for c in found["translations"]] == [row[3] for row in rows[:3]]


def test_score_agrees_with_search(trained, capsys):
    best = json.loads(out_of(capsys, "translate", trained, TEXT, "--beam", 1, "--json"))["translations"][0]
    total, tokens, mean = out_of(capsys, "score", trained, TEXT, best["text"]).split("\t")
    assert float(mean) == pytest.approx(best["score"], abs=2e-4) == pytest.approx(float(total) / int(tokens), abs=1e-3)


def test_a_pair_too_long_to_score_is_marked_and_the_others_are_scored(trained, tmp_path, capsys):
    (tmp_path / "en").write_text(f"{TEXT}\n{'the dog ' * 40}\n\n{TEXT}\n")
    (tmp_path / "fr").write_text(f"le chien .\nle chien .\n.\n{'le chien ' * 40}\n")
    files = ["--source", tmp_path / "en", "--target", tmp_path / "fr"]
    assert main(["score", str(trained), *map(str, files)]) == 0
    told = capsys.readouterr()
    rows = told.out.splitlines()
    assert [row.split("\t")[0] == "nan" for row in rows] == [False, True, False, True]
    assert rows[0] + "\n" == out_of(capsys, "score", trained, TEXT, "le chien .")
    assert "2 pairs of 4 longer than 32 tokens" in told.err and told.err.rstrip().endswith("nan in line 2, 4")
    found = [json.loads(line) for line in out_of(capsys, "score", trained, *files, "--json").splitlines()]
    assert [row["log_prob"] is None for row in found] == [False, True, False, True]


def test_sampling_depends_on_its_seed_alone(trained, capsys):
    draw = ["translate", trained, TEXT, "--temperature", 3, "--n-best", 8, "--seed"]
    one = out_of(capsys, *draw, 1)
    assert one == out_of(capsys, *draw, 1) != out_of(capsys, *draw, 2)


def test_evaluate_as_table_and_as_json(trained, tmp_path, capsys):
    table = out_of(capsys, "evaluate", trained, "--split", "validation")
    assert "BLEU" in table and "version:" in table
    files = ["--source", trained.parent / "tiny.en", "--target", trained.parent / "tiny.fr", "--max-sentences", 12]
    found = json.loads(out_of(capsys, "evaluate", trained, *files, "--json", "--output", tmp_path / "made"))
    made = (tmp_path / "made").read_text(encoding="utf-8").split("\n")
    assert found["sentences"] == 12 == sum(map(bool, made)) and len(made) == 181, "a line for each line, empty where nothing was asked for"
    assert found["metrics"]["perplexity"]["score"] > 1


def test_evaluate_keeps_lines_beside_lines_and_counts_empty_ones(trained, tmp_path, capsys):
    (tmp_path / "a.en").write_text("the dog sees a tree .\n\na bird likes the moon .\n   \nthe cat hears the sea .\n")
    (tmp_path / "a.fr").write_text("le chien voit un arbre .\nrien .\n\n\nle chat entend la mer .\n")
    files = ["--source", tmp_path / "a.en", "--target", tmp_path / "a.fr", "--beam", 1, "--output", tmp_path / "made"]
    table = out_of(capsys, "evaluate", trained, *files)
    assert "3 more left out: a side is empty" in table
    made = (tmp_path / "made").read_text(encoding="utf-8").split("\n")
    alone = out_of(capsys, "translate", trained, "the dog sees a tree .", "the cat hears the sea .", "--beam", 1).splitlines()
    assert made == [alone[0], "", "", "", alone[1], ""]
    found = json.loads(out_of(capsys, "evaluate", trained, *files, "--json"))
    assert found["sentences"] == 2 and found["left_out"] == {"empty": 3}


def test_attention_maps_of_every_side(trained, tmp_path, capsys):
    found = json.loads(out_of(capsys, "attention", trained, TEXT, "--out", tmp_path, "--json"))
    assert set(found["files"]) == {"encoder", "decoder", "cross"}
    assert all((tmp_path / f"attention-{side}.{kind}").stat().st_size > 1000 for side in found["files"] for kind in ("png", "svg"))
    assert sum(found["cross"][0][0][0]) == pytest.approx(1, abs=1e-3)


def test_describe_a_run(trained, capsys):
    found = json.loads(out_of(capsys, "describe", trained, "--json"))
    assert found["parameters"] == sum(p["parameters"] for p in found["parts"])
    assert found["parameters"] == sum(p.numel() for p in anyformer.load(trained).model.parameters())


def test_a_run_is_a_recipe(trained, capsys):
    plan = json.loads(out_of(capsys, "train", trained, "--dry-run", "--json"))
    assert plan["model"]["parameters"] == anyformer.describe(trained).parameters
    assert plan["expected"]["updates"] == 60 and plan["measured"]["tokens_per_second"] > 0


def test_a_dry_run_writes_nothing(recipe, capsys, monkeypatch):
    monkeypatch.chdir(recipe.parent)
    before = sorted(p.name for p in recipe.parent.iterdir())
    text = out_of(capsys, "train", recipe, "--dry-run")
    assert "parameters" in text and "pairs" in text and "memory" in text
    assert sorted(p.name for p in recipe.parent.iterdir()) == before


def test_a_run_goes_on(copied, capsys):
    out_of(capsys, "train", "--resume", copied, "train.max_steps=80", "--quiet")
    assert (copied / "latest").read_text().strip() == "step-000080"
    made = folder.read_config(copied)
    assert made["train"]["max_steps"] == 80 and len(made["run"]["resumed"]) == 1


def test_damaged_lines_of_metrics_are_set_aside_and_said(copied, capsys):
    metrics = copied / "metrics.jsonl"
    lines = metrics.read_bytes().splitlines(keepends=True)
    garbage = [b"\x00\xff garbage\n", b"[1, 2]\n", b'{"loss": 1}\n']
    metrics.write_bytes(b"".join([lines[0], *garbage, *lines[1:]]))
    assert "3 damaged lines" in out_of(capsys, "train", "--resume", copied, "train.max_steps=70")
    assert (copied / "metrics.damaged").read_bytes() == b"".join(garbage)
    again = [json.loads(line) for line in metrics.read_bytes().splitlines()]
    assert [json.loads(line) for line in lines if not json.loads(line).get("final")] == again[: len(lines)] and again[-1]["step"] == 70


def test_sigterm_is_answered_though_it_was_asked_to_be_quiet(recipe, capsys):
    run = recipe.parent / "run"

    def stop():
        while not (run / "step-000030").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    assert main(["train", str(recipe), "--out", str(run), "--quiet", "train.max_steps=1000000"]) == 130
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("interrupted; step ") and f"anyformer train --resume {run}" in told.err


def test_a_warm_up_longer_than_the_run_is_said(recipe, capsys):
    plan = out_of(capsys, "train", recipe, "--dry-run", "train.schedule.warmup_steps=61")
    assert "the learning rate rises over 61 steps, and the run has 60" in plan
    assert "the learning rate rises" not in out_of(capsys, "train", recipe, "--dry-run", "train.schedule.warmup_steps=60")
    made = out_of(capsys, "train", recipe, "--out", recipe.parent / "run", "train.max_steps=1", "train.max_minutes=9")
    assert "the run has 1:" in made and "1 step is done: step 1, " in made and "after 1 step or 9 minutes" in made


def test_few_pairs_are_not_trained_on_for_an_hour(recipe, capsys, monkeypatch):
    monkeypatch.chdir(recipe.parent)
    plan = json.loads(out_of(capsys, "train", "--source", "tiny.en", "--target", "tiny.fr", "--dry-run", "--json"))
    assert plan["expected"]["end"] == "max_epochs" and plan["expected"]["epochs"] == pytest.approx(200)


def test_resume_auto_starts_then_goes_on(recipe, capsys, monkeypatch):
    monkeypatch.chdir(recipe.parent)
    for steps in (10, 20):
        out_of(capsys, "train", recipe, "--resume", "auto", f"train.max_steps={steps}", "--quiet")
    assert [p.name for p in folder.runs()] == ["tiny-1"]
    assert (recipe.parent / "runs" / "tiny-1" / "latest").read_text().strip() == "step-000020"
    out_of(capsys, "train", recipe, "train.max_steps=1", "--quiet")
    assert [r["path"] for r in json.loads(out_of(capsys, "runs", "list", "--json"))] == ["runs/tiny-1", "runs/tiny-2"]


def test_own_files_in_one_line(recipe, capsys, monkeypatch):
    monkeypatch.chdir(recipe.parent)
    changes = ["train.max_steps=2", "train.max_minutes=null", "model.d_model=16", "model.d_ff=16", "model.n_layers=1"]
    found = json.loads(out_of(capsys, "train", "--source", "tiny.en", "--target", "tiny.fr", *changes, "--json"))
    assert found["run"] == "runs/tiny-en-fr-1" and found["step"] == 2
    assert anyformer.load(found["run"]).translate(["the dog ."])


def test_separate_vocabularies(recipe, capsys):
    run = recipe.parent / "two"
    out_of(capsys, "train", recipe, "--out", run, "tokenizer.joint=false", "train.max_steps=2", "--quiet")
    loaded = anyformer.load(run)
    assert loaded.source_tokenizer.vocab_size != loaded.target_tokenizer.vocab_size
    assert len(loaded.translate([TEXT])) == 1


def test_a_run_on_own_files_is_used_from_any_working_folder(recipe, capsys, monkeypatch, tmp_path):
    recipe.write_text(recipe.read_text().replace(str(recipe.parent) + "/", ""))
    monkeypatch.chdir(recipe.parent)
    out_of(capsys, "train", recipe, "--out", "run", "train.max_steps=2", "--quiet")
    run, elsewhere = recipe.parent / "run", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert "BLEU" in out_of(capsys, "evaluate", run, "--split", "validation", "--beam", 1)
    out_of(capsys, "train", "--resume", run, "train.max_steps=3", "--quiet")
    made = folder.read_config(run)
    assert made["data"]["corpus"]["source"] == str(recipe.parent / "tiny.en")
    assert made["run"]["files"]["data.corpus.target"]["bytes"] == (recipe.parent / "tiny.fr").stat().st_size
    assert str(recipe.parent) not in out_of(capsys, "recipes", "show", recipe)


@pytest.mark.parametrize("kind", ["Character", "Word", "Byte", "ByteLevelBPE"])
def test_another_tokenizer_in_one_word(recipe, capsys, kind):
    plan = json.loads(out_of(capsys, "train", recipe, f"tokenizer.kind={kind}", "--dry-run", "--json", *(["tokenizer.vocab_size=300"] * (kind[-3:] == "BPE"))))
    assert plan["vocabulary"]["joint"] and plan["vocabulary"]["source"] > 10


def test_words_of_own_files_in_one_line(recipe, capsys, monkeypatch):
    monkeypatch.chdir(recipe.parent)
    plan = json.loads(out_of(capsys, "train", "--source", "tiny.en", "--target", "tiny.fr", "tokenizer.kind=Word", "--dry-run", "--json"))
    assert plan["vocabulary"]["source"] == 52, "the vocabulary of 8,000 that the recipe has is made to fit"


def test_python_gives_what_the_command_line_gives(recipe):
    done = anyformer.train(recipe, {"train.max_steps": 3}, out=recipe.parent / "run", show="nothing")
    assert done.result.step == 3 and done.evaluation["bleu"] >= 0
    assert done.load(step="latest").step == "step-000003"
    assert anyformer.evaluate(done.path, "validation", beam=1).sentences_per_second > 0
    assert anyformer.attention(done.path, TEXT).pictures["cross"].png.exists()
