"""What is refused when a run is prepared, before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anyformer.errors import ConfigError
from anyformer.run import recipe
from anyformer.run.prepare import prepare


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
