"""The frame of the command line: exit codes, messages, streams; no verb that needs a model."""

import argparse
import json
import os
import subprocess
import sys

import pytest

from anyformer.cli import common, main


def run(*args, **options):
    return subprocess.run([sys.executable, "-m", "anyformer", *args], capture_output=True, text=True, timeout=120, **options)


def test_help_is_instant_and_free_of_heavy_imports():
    code = (
        "import sys; from anyformer.cli import main; main(['--help']); print(sorted({'torch', 'matplotlib', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "translate" in done.stdout


@pytest.mark.parametrize(
    "verb", ["demo", "train", "translate", "score", "evaluate", "attention", "describe", "convert", "recipes", "recipes list", "runs list", "data", "tokenizer"]
)
def test_every_verb_has_help_with_examples_and_common_options(verb, capsys):
    assert main([*verb.split(), "--help"]) == 0
    text = capsys.readouterr().out
    leaf = verb not in ("recipes", "data", "tokenizer")
    assert "example" in text or " " in verb
    assert not leaf or all(option in text for option in ("--device", "--precision", "--threads", "--data-dir"))


def test_version(capsys):
    assert main(["--version"]) == 0
    assert "anyformer 0" in capsys.readouterr().out


PLACES = {
    "draw": ["gpt2", "-o"],
    "mask": ["Causal()", "-o"],
    "position": ["alibi", "-o"],
    "attention": ["runs/x", "a", "--out"],
    "translate": ["runs/x", "--output"],
}


@pytest.mark.parametrize("verb", PLACES)
def test_a_folder_that_is_not_there_is_not_made_by_the_way(verb, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([verb, *PLACES[verb], "fgiures/x.png"]) == 2
    assert "fgiures/x.png: there is no folder fgiures; make it" in capsys.readouterr().err
    assert not (tmp_path / "fgiures").exists()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["bogus"], "invalid choice"),
        (["translate"], "required"),
        (["train", "multi30k-en-fr", "--bogus"], "unknown: --bogus"),
        (["runs", "list", "--threads", "0"], "above 0"),
        (["train"], "say what to train on"),
        (["train", "a.yaml", "b.yaml"], "one recipe at a time"),
        (["train", "multi30k-en-fz"], "did you mean"),
        (["train", "multi30k-en-fr", "=3"], "section.field=value"),
        (["train", "--source", "only.en"], "--target"),
        (["train", "multi30k-en-fr", "--resume", "runs/none"], "has its own recipe"),
        (["train", "--resume", "runs/none"], "no such run"),
        (["translate", "runs/none", "text"], "no such run"),
        (["score", "runs/none", "one"], "one source text and"),
        (["attention", "runs/none"], "one sentence"),
        (["describe"], "give one name"),
        (["describe", "transformer-bas"], "did you mean"),
        (["describe", "transformer-base", "n_heads=7"], "do not divide"),
        (["describe", "gpt2", "vocab_size=1000000000000000000"], "vocab_size: 1000000000000000000 is more than"),
        (["describe", "gpt2", "d_model=1000000000000000000"], "d_model: 1000000000000000000 is more than"),
        (["describe", "gpt2", "decoder.blocks.*.feed_forward.d_ff=10000000000"], "decoder.blocks.0.feed_forward.d_ff: 10000000000 is more than"),
        (["describe", "gpt2", "--scale", "1000T"], "scale: 1000T is more parameters than any model has by far; take at most 100T"),
        (["describe", "gpt2", "--scale", "1E999"], "scale: 1E999 is more parameters"),
        (["mask", "Causal()", "--length", "1000000000000"], "argument --length: 1000000000000 tokens are too many to draw; take at most 8192"),
        (["mask", "gpt2", "--length", "8193"], "--length"),
        (["position", "alibi", "--length", "10000000"], "argument --length: 10000000 tokens are too many to draw; take at most 8192"),
        (["describe", ""], "the name is empty"),
        (["mask", ""], "the name is empty"),
        (["diff", "gpt2", ""], "the name is empty"),
        (["translate", "", "text"], "the name of the run is empty"),
        (["export", "", "out", "--to", "hf"], "the name of the run is empty"),
        (["recipes", "show", "none"], "no such recipe"),
    ],
)
def test_wrong_input_is_told_in_few_lines_with_exit_code_2(args, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(args) == 2
    told = capsys.readouterr().err
    assert says in told and "Traceback" not in told


@pytest.mark.parametrize("verb", ["translate", "score", "attention", "evaluate"])
def test_only_what_is_required_is_said_to_be(verb, capsys):
    assert main([verb]) == 2
    assert capsys.readouterr().err.strip().endswith("the following arguments are required: RUN")


def test_our_own_fault_is_1_and_leaves_a_traceback_in_a_file(monkeypatch, capsys):
    def fail(path):
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("anyformer.run.library.packaged", fail)
    monkeypatch.delenv("ANYFORMER_DEBUG", raising=False)
    assert main(["recipes", "list"]) == 1
    told = capsys.readouterr().err
    assert "Traceback" not in told
    file = told.split("the file ")[1].split(" ")[0]
    with open(file, encoding="utf-8") as saved:
        assert "Traceback" in saved.read()
    os.remove(file)


def test_a_path_in_bytes_is_told_as_text(monkeypatch, capsys):
    def fail():
        raise FileNotFoundError(2, "No such file", "fête/events".encode())

    monkeypatch.setattr("anyformer.run.library.packaged", fail)
    assert main(["recipes", "list"]) == 2
    assert capsys.readouterr().err == "error: fête/events: no such file or folder\n"


def test_a_reader_that_is_gone_is_no_error():
    command = f"{sys.executable} -m anyformer recipes show multi30k-en-fr | head -1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_output_is_utf8_whatever_the_locale():
    done = subprocess.run(
        [sys.executable, "-m", "anyformer", "data", "list"], capture_output=True, timeout=60, env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    )
    assert done.returncode == 0
    done.stdout.decode("utf-8")


def test_free_arguments_may_stand_behind_options(capsys):
    assert main(["describe", "transformer-tiny", "--json", "vocab_size=500"]) == 0
    assert json.loads(capsys.readouterr().out)["config"]["vocab_size"] == 500


def test_recipes_are_listed_and_shown(capsys):
    assert main(["recipes", "list", "--json"]) == 0
    names = [r["name"] for r in json.loads(capsys.readouterr().out)]
    assert {"multi30k-en-fr", "multi30k-en-de", "phrasebook-en-fr", "tatoeba-en-zh"} <= set(names)
    assert main(["recipes", "show", "multi30k-en-fr"]) == 0
    assert "# " in capsys.readouterr().out


def test_sizes_of_the_paper(capsys):
    assert main(["describe", "transformer-base", "--json"]) == 0
    assert 62e6 < json.loads(capsys.readouterr().out)["parameters"] < 66e6


def test_the_module_is_the_program():
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("anyformer ")


def test_the_package_shows_what_it_offers_and_no_more():
    import anyformer

    public = {name for name in dir(anyformer) if not name.startswith("__")}
    assert public == set(anyformer.__all__) and "ByteLevelBPE" in public
    assert all(getattr(anyformer, name) is not None for name in public)


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, common.SPINS), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_threads_do_not_wait_with_the_core_in_their_hands_unless_they_are_told_to(monkeypatch, before, after):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    common.apply_threads(argparse.Namespace(threads=None))
    assert os.environ.get("GOMP_SPINCOUNT") == after
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)


def test_the_library_of_threads_hears_of_it():
    """Set after PyTorch is imported it would be too late."""
    code = (
        "import os, sys\nfrom anyformer.cli import app, common\nfrom anyformer.run import library\n"
        "library.packaged = lambda: print('torch' in sys.modules, os.environ['GOMP_SPINCOUNT']) or {}\napp.main(['recipes', 'list'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", common.SPINS], done.stderr
