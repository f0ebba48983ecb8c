"""What a run is made of before anything is written: what is refused, and what is the same when it goes on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from anyformer.errors import ConfigError
from anyformer.run import recipe
from anyformer.run.execute import plan
from anyformer.run.prepare import Prepared, prepare
from anyformer.text import save_pair
from anyformer.training import Choice


def prepared(folder: Path, **changes: Any) -> Any:
    for language in ("en", "fr"):
        (folder / f"x.{language}").write_text("".join(f"{n} words and {n * 7} more .\n" for n in range(300)), encoding="utf-8")
    files = {"data.corpus": {"kind": "TextFiles", "source": str(folder / "x.en"), "target": str(folder / "x.fr")}, "tokenizer": {"kind": "Byte"}}
    made, _ = recipe.read_file("own-small", files | {path.replace("__", "."): value for path, value in changes.items()})
    return prepare(made)


def test_texts_longer_than_the_table_of_positions_are_refused_with_the_keys(tmp_path: Path) -> None:
    language_model = {"model": {"architecture": "gpt2", "scale": "30K"}, "objective": {"kind": "CausalLM"}}
    with pytest.raises(ConfigError) as caught:
        prepared(tmp_path, **language_model, model__embedding__position__length=50, data__max_length=60)
    [problem] = caught.value.problems
    assert problem.path == "model.embedding.position.length"
    assert "set data.max_length to at most 50, or model.embedding.position.length to at least 60" in problem.message
    assert prepared(tmp_path, **language_model, model__embedding__position__length=60, data__max_length=60).model.embedding.position.length == 60


def dropping_merges(folder: Path) -> Prepared:
    """A few own texts, one of them long, as `train --source --target` takes them: the batches are made smaller."""
    draws, words = (
        random.Random(0),
        ["the", "dog", "house", "garden", "walking", "quickly", "between", "mountains", "yellow", "children", "reading", "newspaper"],
    )
    texts = [" ".join(draws.choice(words) for _ in range(40 if n == 0 else 6)) for n in range(40)]
    for language in ("en", "fr"):
        (folder / f"x.{language}").write_text("\n".join(texts) + "\n", encoding="utf-8")
    files = {"data.corpus": {"kind": "TextFiles", "source": str(folder / "x.en"), "target": str(folder / "x.fr")}}
    made, _ = recipe.read_file("own-small", files | {"data.bpe_dropout": 0.4, "tokenizer.vocab_size": 340})
    return prepare(made, fit={"batches"})


def test_a_run_that_goes_on_cuts_its_words_as_it_began(tmp_path: Path) -> None:
    first = dropping_merges(tmp_path)
    save_pair(tmp_path, first.source_tokenizer, first.target_tokenizer)
    again = prepare(first.recipe, folder=tmp_path)
    assert first.recipe.data.batch_tokens < 2048 and first.stream.fingerprint == again.stream.fingerprint
    for step in range(20 * first.stream.batches_in_epoch):
        assert first.stream.batch(step).tokens.tolist() == again.stream.batch(step).tokens.tolist()


def test_the_plan_counts_the_tokens_that_batches_have(tmp_path: Path) -> None:
    prepared = dropping_merges(tmp_path)
    said = plan("x", None, prepared, torch.device("cpu"), Choice("fp32", "because")).batch()
    batches = [prepared.stream.batch(step) for step in range(prepared.stream.batches_in_epoch)]
    positions = sum(b.tokens.numel() + b.source.numel() for b in batches if b.source is not None)
    tokens = sum(b.n_tokens for b in batches)
    assert said["real_tokens"] == round(tokens / len(batches)) and abs(said["real_share"] - tokens / positions) < 0.02
