"""`describe`: what names it takes, what it says, how quickly and in how little memory, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anyformer import architectures
from anyformer.cli import main
from anyformer.errors import AnyformerError, ConfigError, InputError
from anyformer.run import yaml12
from anyformer.run.describe import describe, described

RECIPE = """
data:
  corpus: {kind: TextFiles, source: a.en, target: a.fr}
tokenizer: TOKENIZER
model:
  architecture: transformer-tiny
train:
  max_steps: 10
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Any:
    def write(tokenizer: str = "{kind: BPE, vocab_size: 900}") -> str:
        (tmp_path / "mine.yaml").write_text(RECIPE.replace("TOKENIZER", tokenizer), encoding="utf-8")
        return str(tmp_path / "mine.yaml")

    return write


def test_an_architecture_with_arguments_and_paths() -> None:
    found = described("transformer-base", {"vocab_size": 900, "encoder.n_layers": 3, "model.decoder.n_layers": 2})
    assert found.config.vocab_size == 900 and found.name == "transformer-base"
    assert found.config.encoder is not None and found.config.encoder.n_layers == 3
    assert found.config.decoder is not None and found.config.decoder.n_layers == 2
    data = found.to_dict()
    assert data["parameters"] == sum(p["parameters"] for p in data["parts"]) == sum(p.numel() for p in found.config.build().parameters())
    assert {"name", "active_parameters", "flops_per_token", "kv_cache_bytes_per_token"} <= data.keys()
    assert json.loads(json.dumps(data)) == data


def test_a_bare_family_is_its_smallest_published_size() -> None:
    assert describe("transformer").name == "transformer-base"
    assert describe("t5").name == "t5-small"


def test_a_config_in_a_file(tmp_path: Path) -> None:
    config = architectures.get("bert-base", scale="tiny")
    file = tmp_path / "config.yaml"
    file.write_text(yaml12.dump(config.to_dict()), encoding="utf-8")
    assert describe(str(file)).config == config
    assert describe(file, **{"encoder.n_layers": 2}).config == config.override("encoder.n_layers", 2)
    file.write_text("d_model: 5\nvocab_sise: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="vocab_sise: unknown field .did you mean 'vocab_size'"):
        describe(file)


def test_a_recipe_takes_keys_of_recipes_and_of_models(recipe: Any) -> None:
    assert describe(recipe()).config == architectures.get("transformer-tiny", vocab_size=900)
    found = described(recipe(), {"d_model": 64, "model.n_heads": 2, "tokenizer.vocab_size": 700, "decoder.n_layers": 1})
    assert (found.config.d_model, found.config.vocab_size) == (64, 700)
    assert found.config.decoder is not None and found.config.decoder.n_layers == 1
    assert describe(recipe(), vocab_size=123).config.vocab_size == 123
    assert describe(recipe(), scale="2M").config == architectures.get("transformer-tiny", vocab_size=900, scale="2M")
    assert describe(recipe()).context == 256
    with pytest.raises(ConfigError, match="model.d_modle: unknown field .did you mean 'd_model'"):
        describe(recipe(), d_modle=3)


@pytest.mark.parametrize("tokenizer", ["{kind: Word}", "{kind: Character, joint: false}"])
def test_a_vocabulary_that_is_not_known_yet(recipe: Any, tokenizer: str) -> None:
    found = describe(recipe(tokenizer))
    assert found.config.vocab_size == 32_000 and "is known when it is learned" in str(found)


def test_bytes_have_a_known_vocabulary(recipe: Any) -> None:
    assert describe(recipe("{kind: Byte}")).config.vocab_size == 260


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("transformer-base", {"norm": "foo"}, "norm: 'foo' is not one of post, pre"),
        ("transformer-base", {"vocab_size": "abc"}, "vocab_size: expected a whole number, got 'abc'"),
        ("transformer-base", {"vocab_size": 1.5}, "expected a whole number"),
        ("transformer-base", {"encoder.n_lay": 3}, "did you mean 'n_layers'"),
        ("transformer-huge", {}, "transformer has transformer-tiny, transformer-base, transformer-big"),
        ("phrasebook-en-fz", {}, "did you mean 'phrasebook-en-fr'"),
        ("nowhere/else.yaml", {}, "there is no such file or run"),
        ("transformer-base", {"scale": "tin"}, "'tin' is no size"),
    ],
)
def test_what_cannot_be_is_refused(name: str, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(AnyformerError) as error:
        described(name, changes)
    assert told in str(error.value)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run .it has no config.yaml"):
        describe(tmp_path)


def test_many_layers_and_experts_cost_nothing() -> None:
    """A billion layers, in a process that may not take another 200 MB."""
    code = """
import resource, torch
from anyformer.run.describe import described
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
made = described("transformer-base", {"n_layers": 1_000_000_000})
data, text = made.to_dict(), str(made)
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
print(data["parameters"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    one, two = (described("transformer-base", {"n_layers": n}).parameters for n in (1, 2))
    assert int(done.stdout) == one + (10**9 - 1) * (two - one), done.stderr


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "bert-base", "--scale", "tiny", "--config"]) == 0
    assert yaml12.parse(capsys.readouterr().out).data == architectures.get("bert-base", scale="tiny").to_dict()
    assert main(["describe", "bert-base"]) == 0
    text = capsys.readouterr().out
    assert "109,482,240" in text and "622,650" in text and "loads once exported" in text
    assert main(["describe", "a", "b"]) == 2 and "give one name, not 2" in capsys.readouterr().err
    assert main(["describe", "transformer-base", "thing=3"]) == 2 and "thing: unknown field" in capsys.readouterr().err


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [r["name"] for r in rows] and {r["name"] for r in rows} == set(architectures.known())
    assert all(r["name"] and r["line"] and r["paper"] and r["size"] and 2016 < r["year"] < 2030 for r in rows)
    assert {r["kind"] for r in rows} <= {"encoder-decoder", "causal decoder", "prefix decoder", "encoder"}
    assert main(["list", "--family", "t5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(architectures.known("t5")) and "770M" in lines[2]
    assert main(["list", "--family", "transformr"]) == 2 and "unknown family 'transformr' (did you mean 'transformer'?)" in capsys.readouterr().err
