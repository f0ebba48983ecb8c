"""Reading recipes: the packaged ones, changes, and everything that can be wrong, told at once with its place."""

import pytest

from anyformer.errors import ConfigError, InputError
from anyformer.model import count
from anyformer.run import library, model_section, recipe, yaml12

SMALL = """\
data:
  corpus: {kind: TextFiles, source: a.en, target: a.fr}
model:
  architecture: transformer-tiny
  n_layers: 2
  encoder.n_layers: 3
train:
  max_steps: 10
"""


def read(text, **changes):
    return recipe.read(yaml12.parse(text, "r.yaml"), "r.yaml", {k.replace("__", "."): v for k, v in changes.items()})


def problems_of(text, changes=None):
    with pytest.raises(ConfigError) as caught:
        recipe.read(yaml12.parse(text, "r.yaml"), "r.yaml", changes or {})
    return {p.path: p.message for p in caught.value.problems}


@pytest.mark.parametrize("name", sorted(library.packaged()))
def test_packaged_recipes_are_whole(name):
    made, called = recipe.read_file(name)
    assert called == name
    assert library.summary(library.find(name))
    config = model_section.resolve(made.model, 500)
    assert config.vocab_size == 500 and not made.objective.misfits(config)


@pytest.mark.parametrize("name", sorted(library.packaged()))
def test_every_key_of_a_packaged_recipe_says_what_it_means(name):
    text = library.read(library.find(name))
    sections = {"data", "tokenizer", "objective", "train", "evaluate"}
    for number, line in enumerate(text.splitlines(), 1):
        key = line.split("#")[0].strip().removesuffix(":")
        if key and key not in sections and key not in ("optimizer", "schedule", "step", "checkpoints"):
            assert " # " in line, f"{name}.yaml:{number} has no comment"


def test_published_sizes_of_the_multi30k_recipes():
    for name, vocabulary in (("multi30k-en-fr", 9537), ("multi30k-en-de", 9712)):
        made, _ = recipe.read_file(name)
        assert made.tokenizer.vocab_size == vocabulary
        assert count.parameters(model_section.resolve(made.model, vocabulary)) < 3_000_000


def test_changes_are_laid_in_before_the_check():
    made = read(SMALL, train__max_steps=20, model__d_ff=99, model__decoder__blocks__0__feed_forward__d_ff=7, train__schedule="Cosine")
    config = model_section.resolve(made.model, 100)
    assert made.train.max_steps == 20 and made.train.schedule.kind() == "Cosine"
    assert (config.encoder.n_layers, config.decoder.n_layers) == (3, 2)
    assert config.encoder.blocks[0].feed_forward.d_ff == 99
    assert config.decoder.blocks[0].feed_forward.d_ff == 7


def test_a_resolved_recipe_reads_back_equal():
    made = read(SMALL)
    config = model_section.resolve(made.model, 100)
    data = recipe.as_data(made) | {"model": config.to_dict()}
    again = read(yaml12.dump(data))
    assert model_section.resolve(again.model, 100) == config
    assert (again.data, again.train, again.tokenizer, again.evaluate) == (made.data, made.train, made.tokenizer, made.evaluate)


def test_a_full_config_takes_changes_too():
    config = model_section.resolve({"architecture": "transformer-tiny"}, 100)
    text = SMALL.split("model:")[0] + "train: {max_steps: 1}\n" + yaml12.dump({"model": config.to_dict()})
    made = read(text, **{"model.decoder.blocks.*.feed_forward.d_ff": 5})
    assert model_section.resolve(made.model, 100).decoder.blocks[0].feed_forward.d_ff == 5
    assert "model.vocab_size" in problems_of_resolving(made.model, 200)


def problems_of_resolving(section, vocab_size):
    with pytest.raises(ConfigError) as caught:
        model_section.resolve(section, vocab_size)
    return {f"model.{p.path}" for p in caught.value.problems}


def test_all_problems_are_told_at_once_with_their_places():
    text = SMALL.replace("n_layers: 2", "n_layers: two").replace("max_steps: 10", "max_stpes: 10\n  seed: 1.5")
    found = problems_of(text, {"model.n_heads": 17, "data.batch_tokens": "many", "evaluation": 1, "model.encoder.n_layer": 1})
    assert "did you mean 'max_steps'" in found["r.yaml:8: train.max_stpes"]
    assert "whole number" in found["r.yaml:9: train.seed"]
    assert "whole number" in found["r.yaml:5: model.n_layers"]
    assert "17 heads" in found["command line: model.n_heads"]
    assert "whole number" in found["command line: data.batch_tokens"]
    assert "did you mean 'evaluate'" in found["command line: evaluation"]
    assert "did you mean 'n_layers'" in found["command line: model.encoder.n_layer"]


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("just words", "r.yaml:1", "mapping with the sections"),
        ("", "r.yaml:1", "mapping with the sections"),
        ("- a\n- b\n", "r.yaml:1", "mapping with the sections"),
        (SMALL.replace("transformer-tiny", "transformer-tinny"), "r.yaml:4: model.architecture", "did you mean 'transformer-tiny'"),
        (SMALL.replace("TextFiles", "TextFile"), "r.yaml:2: data.corpus", "did you mean 'TextFiles'"),
        (SMALL.replace("  max_steps: 10", "  seed: 0"), "r.yaml:7: train.max_steps", "no end; set at least one"),
        (SMALL + "tokenizer: 5\n", "r.yaml:9: tokenizer", "one of"),
        (SMALL.replace("architecture: transformer-tiny", "architecture: [1]"), "r.yaml:4: model.architecture", "a text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, where, says):
    found = problems_of(text)
    assert where in found and says in found[where]


def test_a_recipe_is_found_by_path_by_name_and_as_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert library.find("multi30k-en-fr") == library.find("recipes/multi30k-en-fr.yaml") == library.packaged()["multi30k-en-fr"]
    (tmp_path / "mine.yaml").write_text(SMALL)
    assert recipe.read_file("mine.yaml")[1] == "mine"
    with pytest.raises(InputError, match="did you mean 'multi30k-en-fr'"):
        library.find("multi30k-en-fe")
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        recipe.read_file("picture.yaml")
