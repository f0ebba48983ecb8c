"""A tiny corpus, and a model trained on it through the command line, once for all tests."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from anyformer.cli import main

WHO = {"the dog": "le chien", "the cat": "le chat", "a bird": "un oiseau", "my sister": "ma sœur", "your friend": "ton ami", "the child": "l'enfant"}
DOES = {"sees": "voit", "likes": "aime", "hears": "entend", "finds": "trouve", "wants": "veut"}
WHAT = {"the house": "la maison", "a tree": "un arbre", "the sea": "la mer", "an apple": "une pomme", "the garden": "le jardin", "the moon": "la lune"}

RECIPE = """\
data:
  corpus: {{kind: TextFiles, source: {source}, target: {target}}}
  batch_tokens: 256
  max_length: 32
tokenizer: {{kind: Word, min_frequency: 1}}
model:
  architecture: transformer-tiny
  d_model: 32
  n_layers: 1
  n_heads: 2
  d_ff: 64
  dropout: 0.0
  norm: pre
train:
  max_steps: 60
  save_every: 30
  evaluate_every: 30
  log_every: 10
  precision: fp32
  optimizer.lr: 5e-3
  optimizer.kind: AdamW
  schedule: {{kind: Cosine, warmup_steps: 5}}
evaluate: {{search: {{beam: 2, max_length: 20}}, samples: 2}}
"""


def sentences() -> list[tuple[str, str]]:
    return [(f"{a} {b} {c} .", f"{WHO[a]} {DOES[b]} {WHAT[c]} .") for a, b, c in itertools.product(WHO, DOES, WHAT)]


def write_corpus(folder: Path) -> tuple[Path, Path]:
    source, target = folder / "tiny.en", folder / "tiny.fr"
    source.write_text("".join(s + "\n" for s, _ in sentences()), encoding="utf-8")
    target.write_text("".join(t + "\n" for _, t in sentences()), encoding="utf-8")
    return source, target


def write_recipe(folder: Path) -> Path:
    source, target = write_corpus(folder)
    path = folder / "tiny.yaml"
    path.write_text(RECIPE.format(source=source, target=target), encoding="utf-8")
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run; tests must not change it."""
    folder = tmp_path_factory.mktemp("trained")
    assert main(["train", str(write_recipe(folder)), "--out", str(folder / "run"), "--quiet"]) == 0
    return folder / "run"


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, to be damaged."""
    import shutil

    return Path(shutil.copytree(trained, tmp_path / "copied"))
