"""Models of one stack by recipe and command line: a decoder that goes on with texts, an encoder that fills in."""

import json

import pytest
import torch

import anyformer
from anyformer.batch import Batch
from anyformer.cli import main
from anyformer.parts.alibi import ALiBi
from anyformer.parts.mask import Causal, Window

SMALL = ["tokenizer={kind: BPE, vocab_size: 340}", "train.max_steps=80", "train.save_every=40", "train.evaluate_every=40", "--quiet"]
TEXT = "the dog sees the moon ."


def out_of(capsys, *args):
    code = main([str(a) for a in args])
    told = capsys.readouterr()
    assert code == 0, told.err
    return told.out


def logits(run):
    with torch.no_grad():
        return run.model(Batch(tokens=torch.tensor([[5, 9, 300, 17, 2, 40]]))).logits


@pytest.mark.parametrize("objective", ["CausalLM", pytest.param("PrefixLM", marks=pytest.mark.slow)])
def test_a_decoder_from_recipe_to_another_program_and_back(objective, recipe, tmp_path, capsys):
    run, model = tmp_path / "run", "{architecture: llama-7b, scale: 60K}"
    out_of(capsys, "train", recipe, "--out", run, f"model={model}", f"objective={objective}", *SMALL)
    losses = [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines() if "lr" in json.loads(line)]
    assert losses[-1] < 0.5 * losses[0]
    written = out_of(capsys, "generate", run, "--prompt", TEXT, "--max-length", 12)
    assert written.strip()
    beams = json.loads(out_of(capsys, "generate", run, "--prompt", TEXT, "--beam", 3, "--n-best", 2, "--max-length", 12, "--json"))
    assert len(beams["continuations"]) == 2
    assert len(out_of(capsys, "translate", run, TEXT, "a bird likes a tree .").splitlines()) == 2
    assert json.loads(out_of(capsys, "evaluate", run, "--split", "validation", "--json"))["metrics"]["perplexity"]["score"] < 200
    assert len(out_of(capsys, "score", run, TEXT, "le chien voit la lune .").split()) == 3
    out_of(capsys, "train", "--resume", run, "train.max_steps=84", "--quiet")
    assert (run / "step-000084").is_dir()

    written = out_of(capsys, "generate", run, "--prompt", TEXT, "--max-length", 12)
    out_of(capsys, "export", run, tmp_path / "hf", "--to", "hf")
    assert json.loads((tmp_path / "hf" / "config.json").read_text())["model_type"] == "llama"
    out_of(capsys, "import", tmp_path / "hf", tmp_path / "back")
    assert torch.equal(logits(anyformer.load(run, precision="fp32")), logits(anyformer.load(tmp_path / "back", precision="fp32")))
    assert out_of(capsys, "generate", tmp_path / "back", "--prompt", TEXT, "--max-length", 12).strip()


def test_an_encoder_fills_in_and_does_not_write(recipe, tmp_path, capsys):
    run = tmp_path / "run"
    out_of(capsys, "train", recipe, "--out", run, "model={architecture: bert-base, scale: 60K}", "objective=MaskedLM", *SMALL)
    losses = [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines() if "lr" in json.loads(line)]
    assert losses[-1] < 0.9 * losses[0]
    assert set(json.loads((run / "evaluation.json").read_text())["metrics"]) == {"loss", "perplexity", "accuracy"}
    out_of(capsys, "train", "--resume", run, "train.max_steps=82", "--quiet")
    for verb in (["translate", run, TEXT], ["generate", run, "--prompt", TEXT]):
        assert main([str(a) for a in verb]) == 2
        assert "encoder alone" in capsys.readouterr().err
    found = json.loads(out_of(capsys, "evaluate", run, "--split", "validation", "--step", "latest", "--json"))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    last = [line["validation"]["loss"] for line in lines if line.get("validation")][-1]
    assert found["metrics"]["loss"]["score"] == pytest.approx(last, rel=0.01), "the words are those that were hidden in training"
    assert json.loads(out_of(capsys, "evaluate", run, "--split", "validation", "--step", "latest", "--json"))["metrics"] == found["metrics"]
    assert "no BLEU" in out_of(capsys, "evaluate", run, "--split", "validation", "--max-sentences", 3, "--seed", 4)
    for name in ("a.en", "a.fr"):
        (tmp_path / name).write_text(f"{TEXT}\n\n", encoding="utf-8")
    own = json.loads(out_of(capsys, "evaluate", run, "--source", tmp_path / "a.en", "--target", tmp_path / "a.fr", "--json"))
    assert own["sentences"] == 1 and own["left_out"]["empty"] == 1
    for options in (["--beam", 3, "--temperature", 1], ["--output", tmp_path / "out"], ["--seed", -1]):
        assert main([str(a) for a in ("evaluate", run, "--split", "validation", *options)]) == 2
        assert str(options[0]).lstrip("-") in capsys.readouterr().err
    out_of(capsys, "export", run, tmp_path / "hf", "--to", "hf")
    assert json.loads((tmp_path / "hf" / "config.json").read_text())["model_type"] == "bert"
    out_of(capsys, "import", tmp_path / "hf", tmp_path / "back")
    back = json.loads(out_of(capsys, "evaluate", tmp_path / "back", "--source", tmp_path / "a.en", "--target", tmp_path / "a.fr", "--json"))
    assert back["hidden"] == own["hidden"] and back["metrics"]["loss"]["score"] == pytest.approx(own["metrics"]["loss"]["score"], rel=1e-4)
    assert torch.equal(logits(anyformer.load(run, precision="fp32")), logits(anyformer.load(tmp_path / "back", precision="fp32")))


def test_parts_are_exchanged_on_the_command_line(recipe, tmp_path, capsys):
    changes = ["model.decoder.blocks.0.attention.position=ALiBi", "model.decoder.layers.1.attention.mask=Causal() & Window(left=7)"]
    out_of(
        capsys,
        "train",
        recipe,
        "--out",
        tmp_path / "run",
        "model={architecture: llama-7b, scale: 60K}",
        "objective=CausalLM",
        *changes,
        *SMALL,
        "train.max_steps=4",
    )
    run = anyformer.load(tmp_path / "run")
    layers = run.config.decoder.layers()
    assert {layer.attention.position for layer in layers} == {ALiBi.Config()}
    assert [layer.attention.mask for layer in layers] == [Causal() & Window(left=7) if i == 1 else Causal() for i in range(len(layers))]
    assert len(run.generate([TEXT], max_length=5)[0][0].ids) <= 5


def test_a_table_that_is_too_short_is_refused_before_anything_is_written(recipe, tmp_path, capsys):
    model = "{architecture: gpt2, scale: 60K, embedding.position.length: 20}"
    assert main(["train", str(recipe), "--out", str(tmp_path / "run"), f"model={model}", "objective=CausalLM", *SMALL]) == 2
    told = capsys.readouterr().err
    assert "model.embedding.position.length" in told and "set data.max_length to at most 20" in told
    assert not (tmp_path / "run").exists() or not any((tmp_path / "run").iterdir())
