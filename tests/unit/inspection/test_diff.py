"""`diff`: single changes cost what they cost, costs add up, and every pair of architectures can be compared."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest

from anyformer import architectures
from anyformer.cli import main
from anyformer.inspection.diff import Cost, Difference, diff
from anyformer.inspection.edits import applied, edits
from anyformer.model.count import kv_cache_bytes_per_token, parameters
from anyformer.model.flops import flops_per_token
from anyformer.model.model import Model
from anyformer.parts.alibi import ALiBi
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.norm import RMSNorm

BASE = architectures.get("transformer-base", vocab_size=1000)


def cost(config: Model.Config, context: int = 512) -> Cost:
    return Cost(parameters(config), flops_per_token(config, context), kv_cache_bytes_per_token(config))


@pytest.mark.parametrize(
    ("path", "value", "what", "before", "after"),
    [
        ("decoder.n_layers", 3, "depth", "6 + 6 layers", "6 + 3 layers"),
        ("vocab_size", 500, "vocabulary", "1,000 tokens", "500 tokens"),
        ("decoder.blocks.0.attention.n_kv_heads", 2, "key heads", "as many key heads as heads", "2 key heads"),
        ("decoder.blocks.0.feed_forward.d_ff", 64, "d_ff", "d_ff 2,048", "encoder: d_ff 2,048; decoder: d_ff 64"),
        ("encoder.blocks.0.attention.position", ALiBi.Config(), "positions", "sinusoidal at the input", "encoder: ALiBi; decoder: none in attention"),
        ("head.tied", False, "head", "the embedding's table", "a table of its own"),
        ("encoder.blocks.0.residual.post", RMSNorm.Config(), "norms", "LayerNorm after", "RMSNorm after each sum"),
        ("decoder.blocks.0.attention.mask", "Causal() & Window(left=3)", "attention", "Causal()", "Window(left=3)"),
        ("decoder.blocks.0.attention.out_bias", False, "biases", "all maps", "decoder: queries, keys and values, feed-forward"),
        ("encoder.final_norm", RMSNorm.Config(), "norms", "", "RMSNorm at the end"),
        ("embedding.dropout", 0.5, "dropout", "0.1", "0.5"),
        ("encoder.blocks.0.residual.dropout", 0.5, "dropout", "residual dropout 0.1", "residual dropout 0.5"),
    ],
)
def test_a_single_change_is_told_with_its_cost(path: str, value: Any, what: str, before: str, after: str) -> None:
    changed = BASE.override(path, value)
    found = diff(BASE, changed)
    [change] = found.changes
    assert change.what == what and before in change.before and after in change.after and change.before != change.after
    assert change.cost == change.alone == cost(changed).minus(cost(BASE))
    assert what not in dict(found.same)


def test_nothing_changes() -> None:
    assert diff(BASE, BASE).changes == ()
    written_out = dataclasses.replace(BASE, encoder=dataclasses.replace(BASE.encoder, blocks=BASE.encoder.blocks * 6))  # type: ignore[union-attr]
    assert diff(BASE, written_out).changes == ()


def test_another_kind_keeps_what_it_shares() -> None:
    gated = GatedMLP.Config(d_ff=2048, bias=True)
    changed = BASE.override("encoder.blocks.0.feed_forward", gated).override("decoder.blocks.0.feed_forward", gated)
    [change] = diff(BASE, changed).changes
    assert (change.what, change.before, change.after) == ("feed-forward", "MLP, ReLU", "gated MLP, SiLU (SwiGLU)")
    assert change.cost.parameters == 12 * (512 * 2048 + 2048)


def test_gpt3_and_llama() -> None:
    found = of("gpt3-175b", "llama-65b")
    told = {change.what: (change.before, change.after) for change in found.changes}
    assert told["positions"] == ("learned, 2,048 places at the input", "rotary, base 10,000 in attention")
    assert told["feed-forward"] == ("MLP, GELU (tanh)", "gated MLP, SiLU (SwiGLU)")
    assert told["biases"] == ("all maps", "none")
    assert told["head"] == ("the embedding's table", "a table of its own")
    assert told["norms"][0].startswith("LayerNorm") and told["norms"][1].startswith("RMSNorm")
    assert told["layers"] == ("2 kinds in turn", "all alike")
    assert next(c for c in found.changes if c.what == "head").cost.parameters == 32000 * 8192
    assert dict(found.same)["attention"] == "multi-head, Causal()"


def of(a: str, b: str) -> Difference:
    contexts = (architectures.find(a).context or 512, architectures.find(b).context or 512)
    return diff(architectures.get(a), architectures.get(b), (a, b), contexts)


def check(a: str, b: str) -> None:
    found = of(a, b)
    for i in range(3):
        assert found.of_a[i] + sum(change.cost[i] for change in found.changes) == found.of_b[i], (a, b)
    assert all(change.before != change.after for change in found.changes), (a, b)
    assert json.loads(json.dumps(found.to_dict()))["a"] == a and a in str(found)


SHAPES = [("bert-base", "t5-small"), ("t5-small", "bert-base"), ("bert-base", "gpt2"), ("gpt2", "bert-base"), ("gpt2", "t5-small"), ("t5-small", "gpt2")]


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_models_of_another_shape(a: str, b: str) -> None:
    check(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_costs_add_up_between_any_two(seed: int) -> None:
    names = sorted(architectures.known())
    chance = random.Random(seed)
    for _ in range(20):
        check(*chance.sample(names, 2))


def test_edits_make_the_other() -> None:
    a, b = (architectures.get(name).to_dict() for name in ("transformer-base", "t5-base"))
    assert applied(a, list(edits(a, b))) == b


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "transformer-base", "transformer-big", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert {c["what"] for c in data["changes"]} == {"width", "d_ff", "dropout"} and data["of_b"]["parameters"] == 214_245_376
    assert main(["diff", "gpt2", "gpt2", "decoder.n_layers=1", "--scale", "tiny"]) == 0
    text = capsys.readouterr().out
    assert "-> 1 layer" in text and "alike:" in text
    assert main(["diff", "gpt2"]) == 2 and "give two names, not 1" in capsys.readouterr().err
