"""Reading recipes: the packaged ones, changes, and everything that can be wrong, told at once with its place."""

import copy
import functools
import re
from pathlib import Path

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


@pytest.mark.parametrize("name", sorted(library.packaged()))
def test_every_default_that_a_comment_names_is_what_happens_without_the_key(name):
    text = library.read(library.find(name))
    document = yaml12.parse(text, name)
    paths = {line: path for path, line in sorted(document.lines.items(), key=lambda item: -len(item[0]))}
    compared = 0
    for number, line in enumerate(text.splitlines(), 1):
        named = re.search(r"\(default: (.*?)(?:; [a-z ]+)?\)$", line)
        if not named or named[1] in ("the architecture's", "all four") or paths[number].startswith(("data.corpus", "model")):
            continue
        path = paths[number]
        section, above, key = copy.deepcopy(document.data), path.split(".")[:-1], path.split(".")[-1]
        inner = functools.reduce(lambda data, name: data[name], above, section)
        del inner[key]
        if key == "kind":  # what is left may be of that kind alone
            inner.clear()
        if path == "train.max_steps" or path == "train.max_minutes":
            section["train"]["limits"]["max_epochs"] = 1
        left = recipe.as_data(recipe.read(yaml12.Document(section, {}), name, {}))
        found = functools.reduce(lambda data, name: data[name], path.split("."), left)
        wanted = yaml12.parse_value(named[1])
        assert (found["kind"] if isinstance(found, dict) else found) == wanted, f"{name}.yaml:{number} {path}"
        compared += 1
    assert compared >= 40


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


def test_what_a_change_has_made_wrong_is_not_blamed_on_the_recipe():
    text = SMALL + "  optimizer: {kind: AdamW, lr: 2e-3}\n  schedule: {kind: Cosine, warmup_steps: 5}\n"
    found = problems_of(text, {"train.schedule.kind": "Noam", "model.d_model": 130, "model.n_heads": 4})
    assert "would not train" in found["command line: train.optimizer.lr"]
    assert all(place.startswith("command line: ") for place in found), "4 heads of 130 too, though neither stands in the recipe"


def test_what_is_wrong_in_one_section_does_not_hide_the_rest_of_it():
    wrong = {"train.save_every": 0, "train.step.clip": -1, "train.seed": "x", "model.norm": "foo", "evaluate.search.beam": 0}
    assert {path.removeprefix("command line: ") for path in problems_of(SMALL, wrong)} == set(wrong)


def test_the_order_of_changes_does_not_matter():
    text = SMALL + "tokenizer: {kind: BPE, vocab_size: 700, byte_fallback: true}\n"
    for changes in ({"tokenizer.kind": "Word", "tokenizer.byte_fallback": True}, {"tokenizer.byte_fallback": True, "tokenizer.kind": "Word"}):
        assert "unknown field" in problems_of(text, changes)["command line: tokenizer.byte_fallback"], "Word has none, so it is refused and not left out"
    for changes in ({"train.schedule": "Cosine", "train.schedule.final": 0.5}, {"train.schedule.final": 0.5, "train.schedule": "Cosine"}):
        made = recipe.read(yaml12.parse(text, "r.yaml"), "r.yaml", changes)
        assert (made.train.schedule.kind(), made.train.schedule.final) == ("Cosine", 0.5)


def test_a_section_without_a_kind_takes_the_default_kind():
    text = SMALL.replace("max_steps: 10", "max_steps: 10\n  optimizer: {lr: 1e-2}\n  schedule: {warmup_steps: 7}\n  step: {spikes: {factor: 2.5}}")
    made = read(text + "tokenizer: {vocab_size: 700}\nevaluate: {search: {length_penalty: 0.5}}\n")
    assert (made.train.optimizer.kind(), made.train.optimizer.lr) == ("AdamW", 1e-2)
    assert (made.train.schedule.kind(), made.train.schedule.warmup_steps) == ("InverseSqrt", 7)
    assert (made.train.step.spikes.kind(), made.train.step.spikes.factor) == ("Rollback", 2.5)
    assert (made.tokenizer.kind(), made.tokenizer.vocab_size) == ("BPE", 700)
    assert (made.evaluate.search.beam, made.evaluate.search.length_penalty) == (5, 0.5), "the recipe's default of the beam, not the search's own"


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


@pytest.mark.parametrize(("architecture", "objective"), [("llama-7b", "CausalLM"), ("bert-base", "MaskedLM"), ("t5-small", "Translation")])
def test_the_objective_follows_the_stacks_of_the_model(architecture: str, objective: str, tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(f"data: {{corpus: {{kind: Named, name: phrasebook}}}}\nmodel: {{architecture: {architecture}, scale: tiny}}\ntrain: {{max_steps: 2}}\n")
    assert recipe.read_file(str(file))[0].objective.kind() == objective
