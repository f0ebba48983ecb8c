"""What people get wrong: a clear message, exit code 2, no traceback, and nothing lost."""

import json
import os
import shutil

import pytest

from anyformer.cli import main
from anyformer.run import lock


def refused(capsys, *args):
    code = main([str(a) for a in args])
    told = capsys.readouterr()
    assert code == 2, told.err
    assert "Traceback" not in told.err and told.err.count("\n") <= 12
    return told.err


def train(capsys, recipe, *changes):
    message = refused(capsys, "train", recipe, "--out", recipe.parent / "run", *changes)
    assert not (recipe.parent / "run").exists(), "what cannot be trained must leave no folder"
    return message


def test_files_of_unequal_length(recipe, capsys):
    with open(recipe.parent / "tiny.en", "a") as file:
        file.write("one more .\n")
    message = train(capsys, recipe)
    assert "181" in message and "180" in message


@pytest.mark.parametrize("content", ["", "\n\n\n"])
def test_empty_files(recipe, capsys, content):
    for name in ("tiny.en", "tiny.fr"):
        (recipe.parent / name).write_text(content)
    message = train(capsys, recipe)
    assert "tiny.en" in message and ("holds nothing but white space (3 lines)" if content else "is empty") in message


def test_not_utf8(recipe, capsys):
    text = (recipe.parent / "tiny.fr").read_text(encoding="utf-8")
    (recipe.parent / "tiny.fr").write_bytes(text.encode("cp1252"))
    message = train(capsys, recipe)
    assert "tiny.fr:" in message and "UTF-8" in message


def test_a_file_that_is_not_there(recipe, capsys):
    (recipe.parent / "tiny.fr").unlink()
    assert "tiny.fr" in train(capsys, recipe)


def test_a_corpus_smaller_than_a_batch(recipe, capsys):
    assert "smaller than one batch" in train(capsys, recipe, "data.batch_tokens=100000")


def test_all_sentences_longer_than_the_limit(recipe, capsys):
    assert "max_length" in train(capsys, recipe, "data.max_length=2")


def test_a_vocabulary_larger_than_the_corpus_can_give(recipe, capsys):
    message = train(capsys, recipe, "tokenizer={kind: BPE, vocab_size: 9000}")
    assert "tokenizer.vocab_size" in message and "more than this corpus can give" in message


def test_a_corpus_of_one_sentence(recipe, capsys):
    for name in ("tiny.en", "tiny.fr"):
        (recipe.parent / name).write_text("one sentence .\n" * 9)
    assert "has 1 different sentence left" in train(capsys, recipe)


def test_unknown_keys_wrong_types_and_impossible_sizes_at_once(recipe, capsys):
    message = train(capsys, recipe, "train.max_stpes=5", "train.seed=x", "model.n_heads=17", "model.d_model=128")
    assert "did you mean 'max_steps'" in message
    assert "train.seed" in message
    assert "17 heads" in message


def test_a_recipe_that_carries_code(recipe, capsys):
    mark = recipe.parent / "executed"
    recipe.write_text(f"data: !!python/object/apply:os.mkdir ['{mark}']\n")
    assert "never executed" in train(capsys, recipe)
    assert not mark.exists()


def test_a_recipe_that_is_no_yaml(recipe, capsys):
    recipe.write_text("data: [1, 2\ntrain: }")
    assert "not valid YAML" in train(capsys, recipe)


def test_a_run_folder_that_exists(recipe, trained, capsys):
    assert "--resume" in refused(capsys, "train", recipe, "--out", trained)
    (recipe.parent / "thesis").mkdir()
    (recipe.parent / "thesis" / "chapter.txt").write_text("precious")
    assert "--overwrite does not remove it" in refused(capsys, "train", recipe, "--out", recipe.parent / "thesis", "--overwrite")
    assert (recipe.parent / "thesis" / "chapter.txt").exists()


def test_a_folder_in_which_another_training_writes(recipe, copied, capsys):
    before = {p.name: p.stat().st_mtime_ns for p in copied.rglob("*")}
    with lock.hold(copied):
        for how in (["--resume", copied], [recipe, "--resume", "auto", "--out", copied], [recipe, "--out", copied, "--overwrite"]):
            assert f"process {os.getpid()} " in refused(capsys, "train", *how)
        assert main(["translate", str(copied), "the dog ."]) == 0, "who only reads is let in"
        assert main(["runs", "list", str(copied.parent)]) == 0
        assert "in training by process" in capsys.readouterr().out
    assert {p.name: p.stat().st_mtime_ns for p in copied.rglob("*")} == before
    assert main(["train", "--resume", str(copied), "train.max_steps=62", "--quiet"]) == 0


def test_a_folder_that_is_no_run(tmp_path, capsys):
    assert "is no run" in refused(capsys, "translate", tmp_path, "text")


def damaged(run, name):
    return next(run.glob(f"step-000060/{name}"))


def test_a_truncated_checkpoint(copied, capsys):
    path = damaged(copied, "model.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    assert "damaged" in refused(capsys, "translate", copied, "text", "--step", "60")


def test_a_changed_checkpoint(copied, capsys):
    path = damaged(copied, "model.safetensors")
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)
    assert "checksum" in refused(capsys, "translate", copied, "text", "--step", "60")


def test_a_checkpoint_of_another_format(copied, capsys):
    path = damaged(copied, "state.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    assert "99" in refused(capsys, "translate", copied, "text", "--step", "60")


def test_a_checkpoint_of_another_config(copied, capsys):
    config = copied / "config.yaml"
    config.write_text(config.read_text().replace("d_ff: 64", "d_ff: 48"))
    message = refused(capsys, "translate", copied, "text")
    assert "another config" in message and "[48" in message


def test_a_run_without_its_tokenizer(copied, capsys):
    (copied / "tokenizer.json").unlink()
    assert "tokenizer" in refused(capsys, "translate", copied, "text")
    (copied / "tokenizer.json").write_text("{}")
    assert "damaged" in refused(capsys, "translate", copied, "text")


def test_a_config_that_was_broken(copied, capsys):
    (copied / "config.yaml").write_text("run: {format: 1}\ndata: 3\n")
    assert "config.yaml" in refused(capsys, "translate", copied, "text")


def test_the_model_of_a_resumed_run_cannot_change(copied, capsys):
    assert "cannot change" in refused(capsys, "train", "--resume", copied, "model.d_ff=8", "train.max_steps=90")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("tokenizer.kind=BPE", "tokenizer.kind: is Word in the run and cannot become BPE"),
        ("tokenizer.joint=false", "tokenizer.joint: is true in the run and cannot become false"),
        ("train.seed=3", "train.seed: is 0 in the run and cannot become 3"),
        ("train.optimizer=Muon", "train.optimizer.kind: is AdamW in the run"),
        ("data.batch_tokens=128", "data.batch_tokens: is 256 in the run"),
        ("data.cleaning.max_words=3", "data.cleaning.max_words: is 250 in the run"),
        ("data.validation={kind: HeldOut, share: 0.5}", "data.validation: is null in the run, and {'kind': 'HeldOut'"),
    ],
)
def test_what_cannot_change_in_a_resumed_run_is_refused_by_name(copied, capsys, change, says):
    before = (copied / "config.yaml").read_bytes()
    assert says in refused(capsys, "train", "--resume", copied, change, "train.max_steps=62")
    assert (copied / "config.yaml").read_bytes() == before and not (copied / "step-000062").exists()


def test_arguments_that_a_resumed_run_cannot_obey_are_refused(copied, recipe, capsys):
    resume = ["train", "--resume", copied, "train.max_steps=62"]
    assert "its own folder" in refused(capsys, *resume, "--out", copied.parent / "other")
    assert "give one of them" in refused(capsys, *resume, "--overwrite")
    assert "its own data" in refused(capsys, *resume, "--source", recipe.parent / "tiny.en", "--target", recipe.parent / "tiny.fr")
    assert "give one of them" in refused(capsys, "train", recipe, "--resume", "auto", "--overwrite", "--out", copied)
    assert not (copied / "step-000062").exists()
    assert main(["train", "--resume", str(copied), "--out", str(copied), "train.max_steps=62", "--quiet"]) == 0


def test_resume_auto_with_another_recipe_says_what_differs(copied, recipe, capsys):
    recipe.write_text(recipe.read_text().replace("kind: Word", "kind: Character"))
    assert "tokenizer.kind: is Word in the run" in refused(capsys, "train", recipe, "--resume", "auto", "--out", copied, "train.max_steps=62")


def test_a_data_file_that_has_changed_is_named(copied, recipe, capsys):
    text = recipe.parent / "tiny.fr"
    other = ["data.corpus.source=" + str(recipe.parent / "tiny.en"), f"data.corpus.target={text}"]
    assert main(["train", "--resume", str(copied), *other, "train.max_steps=62", "--quiet"]) == 0, "files may move"
    capsys.readouterr()
    text.write_text(text.read_text(encoding="utf-8").replace("chien", "chat", 1), encoding="utf-8")
    message = refused(capsys, "train", "--resume", copied, *other, "train.max_steps=64")
    assert f"{text}: is not what the run began with" in message and "tiny.en" not in message


def test_a_run_without_a_saved_step_is_begun_again_by_resume_auto(copied, recipe, capsys):
    for path in copied.glob("step-*"):
        shutil.rmtree(path)
    assert "--overwrite" in refused(capsys, "train", "--resume", copied)
    assert main(["train", str(recipe), "--resume", "auto", "--out", str(copied), "train.max_steps=2", "--quiet"]) == 0
    assert (copied / "latest").read_text().strip() == "step-000002"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_while_writing_translations(trained, capsys):
    message = refused(capsys, "translate", trained, "the dog .", "--output", "/dev/full")
    assert "/dev/full: the disk is full; make room and run again" in message and "saved step" not in message


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="needs /proc")
def test_outputs_that_cannot_be_written_are_named_as_they_were_given(trained, recipe, capsys):
    assert refused(capsys, "translate", trained, "the dog .", "--output", "/proc/version").startswith("error: /proc/version: ")
    assert refused(capsys, "tokenizer", "train", recipe.parent / "tiny.en", "--kind", "word", "--out", "/proc/t.json").startswith("error: /proc/t.json: ")
    assert refused(capsys, "attention", trained, "the dog .", "--out", recipe).startswith(f"error: {recipe}: exists, and is no folder")
    output = recipe.parent / "none" / "made"
    assert refused(capsys, "translate", trained, "the dog .", "--output", output).startswith(f"error: {output}: there is no folder")


def test_runs_elsewhere_are_named_and_a_folder_is_not_called_by_a_dot(recipe, copied, capsys, monkeypatch):
    (recipe.parent / "runs").mkdir()
    copied.rename(recipe.parent / "runs" / "mine")
    monkeypatch.chdir(recipe.parent)
    message = refused(capsys, "translate", ".", "text")
    assert message.startswith(f"error: {recipe.parent}: is no run") and "runs/mine" in message
    assert "runs/mine" in refused(capsys, "translate", "/tmp/none", "text")
    assert "runs/mine" in refused(capsys, "translate", "runs", "text")
    (recipe.parent / "empty").mkdir()
    monkeypatch.chdir(recipe.parent / "empty")
    assert f"there are no runs in runs or {recipe.parent / 'empty'}" in refused(capsys, "translate", "none", "text")


def test_a_search_that_cannot_be(trained, capsys):
    assert "n_best" in refused(capsys, "translate", trained, "text", "--beam", 2, "--n-best", 3)
    assert "temperature" in refused(capsys, "translate", trained, "text", "--top-k", 3)
    for verb in (["translate", trained, "text"], ["evaluate", trained, "--split", "validation"], ["attention", trained, "text"]):
        assert "nothing is drawn" in refused(capsys, *verb, "--seed", 3)


def test_a_split_that_is_not_there(trained, capsys):
    assert "no test split" in refused(capsys, "evaluate", trained)


def test_an_evaluation_that_would_write_over_what_it_reads(trained, recipe, capsys):
    source, target = recipe.parent / "tiny.en", recipe.parent / "tiny.fr"
    before = target.read_bytes()
    assert "would be lost" in refused(capsys, "evaluate", trained, "--source", source, "--target", target, "--output", target)
    assert "give one or the other" in refused(capsys, "evaluate", trained, "--split", "test", "--source", source, "--target", target)
    assert "unknown: --n-best" in refused(capsys, "evaluate", trained, "--n-best", 3)
    assert target.read_bytes() == before


def test_an_evaluation_that_fails_leaves_the_output_of_before(trained, recipe, tmp_path, capsys):
    (tmp_path / "made").write_text("of before")
    (recipe.parent / "tiny.fr").write_text("one line\n")
    files = ["--source", recipe.parent / "tiny.en", "--target", recipe.parent / "tiny.fr"]
    assert "180" in refused(capsys, "evaluate", trained, *files, "--output", tmp_path / "made")
    assert (tmp_path / "made").read_text() == "of before" and len(list(tmp_path.glob("*made*"))) == 1
    assert "there is no folder" in refused(capsys, "evaluate", trained, *files, "--output", tmp_path / "none" / "made")


def test_input_that_is_not_utf8(trained, tmp_path, capsys):
    (tmp_path / "in").write_bytes(b"fine\n\xff\xfe\n")
    message = refused(capsys, "translate", trained, "--input", tmp_path / "in")
    assert "in:2" in message


def test_a_device_that_is_not_there(trained, capsys):
    assert "there is cpu" in refused(capsys, "translate", trained, "text", "--device", "tpu")


@pytest.mark.parametrize("text", ["", "   ", "the dog sees " * 300, "\U0001f600 \u4f60\u597d zyx", "\u0000\u200b"])
def test_any_text_is_translated(trained, text, capsys):
    assert main(["translate", str(trained), "--beam", "1", "--", text]) == 0
    assert capsys.readouterr().out.count("\n") == 1
