"""R-Drop by recipe: trained, stopped, gone on with, and the divergence that it is there for."""

import json

import pytest
import torch

import anyformer
from anyformer.cli import main
from anyformer.loss import training_loss
from anyformer.run.prepare import prepare

SHORT = ["tokenizer={kind: BPE, vocab_size: 340}", "train.save_every=20", "train.evaluate_every=40", "evaluate.max_sentences=2", "--quiet"]


def train(*arguments):
    assert main(["train", *map(str, arguments), *SHORT]) == 0


def apart(run):
    """The divergence of two dropouts on the first batch, a target: what R-Drop adds to the cross-entropy, with weight 4."""
    loaded = anyformer.load(run, precision="fp32")
    batch = prepare(loaded.recipe).stream.batch(0)
    loaded.model.train()
    found = []
    for alpha in (4.0, 1e-9):
        torch.manual_seed(0)
        with torch.no_grad():
            found.append(training_loss(loaded.model, batch, alpha=alpha))
    return float((found[0].total - found[1].total) / found[0].weight)


def test_two_dropouts_come_to_agree(recipe, tmp_path, capsys):
    plain, twice, resumed = tmp_path / "plain", tmp_path / "twice", tmp_path / "resumed"
    train(recipe, "--out", plain, "train.max_steps=40", "model.dropout=0.3")
    train(recipe, "--out", twice, "train.max_steps=40", "model.dropout=0.3", "train.step.r_drop=5.0")
    train(recipe, "--out", resumed, "train.max_steps=20", "train.schedule=InverseSqrt", "model.dropout=0.3", "train.step.r_drop=5.0")
    assert apart(twice) < 0.7 * apart(plain)
    rows = [json.loads(line) for line in (twice / "metrics.jsonl").read_text().splitlines()]
    assert all(row["loss"] < 10 for row in rows if "lr" in row)  # the cross-entropy alone
    train("--resume", resumed, "train.max_steps=40")
    assert (resumed / "step-000040").is_dir()
    assert main(["train", str(recipe), "train.step.r_drop=-1"]) == 2
    assert "must be at least 0" in capsys.readouterr().err


@pytest.mark.parametrize("objective", ["CausalLM", "MaskedLM"])
def test_with_one_stack(objective, recipe, tmp_path):
    architecture = "llama-7b" if objective == "CausalLM" else "bert-base"
    train(recipe, "--out", tmp_path / "run", f"model={{architecture: {architecture}, scale: 60K}}", "train.max_steps=4", "train.step.r_drop=1.0")
