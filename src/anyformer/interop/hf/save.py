"""`save_hf(model, folder)`: a `Model` as a checkpoint that `transformers` loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from anyformer.errors import ConversionError, Problem
from anyformer.interop.conversion import plan_writing
from anyformer.interop.hf.family import Family, families, find
from anyformer.interop.writing import write_checkpoint
from anyformer.model.model import Model

MAX_SHARD_SIZE = 5 * 10**9  # bytes


def save_hf(model: Any, path: str | Path, tokenizer: Any = None, *, family: str | None = None, max_shard_size: int = MAX_SHARD_SIZE) -> None:
    """Writes config.json, generation_config.json and safetensors; with `tokenizer`, its files too.

    Args:
        model: a `Model`, or a run (`anyformer.load(...)`), whose tokenizer is taken.
        family: the `model_type` to write; None: the first that can hold the model.
        max_shard_size: bytes of one file.
    Raises:
        ConversionError: no Hugging Face class can hold the model; names the parts that prevent it.
    """
    tokenizer = tokenizer if tokenizer is not None else getattr(model, "tokenizer", None)
    model = getattr(model, "model", model)
    chosen, data = choose(model.config, family)
    planned = plan_writing(model, chosen.rules(model.config))
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    dtype = next(model.parameters()).dtype
    data |= {"dtype": str(dtype).removeprefix("torch.")} | _ids(tokenizer)
    (folder / "config.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    (folder / "generation_config.json").write_text(json.dumps(_ids(tokenizer), indent=2) + "\n", encoding="utf-8")
    with torch.no_grad():
        write_checkpoint(folder, planned, max_shard_size)


def choose(config: Model.Config, name: str | None = None) -> tuple[Family, dict[str, Any]]:
    """The family that can hold this config, and its config.json."""
    candidates = list(families().values()) if name is None else [find(name)]
    refused: list[tuple[str, ConversionError]] = []
    for candidate in candidates:
        try:
            return candidate, candidate.written(config)
        except ConversionError as error:
            refused.append((candidate.model_type, error))
    nearest, reasons = min(refused, key=lambda r: len(r[1].problems))
    raise ConversionError(Problem("", f"no Hugging Face class can hold this model; nearest is {nearest}, but for:"), *reasons.problems)


def _ids(tokenizer: Any) -> dict[str, Any]:
    """Special ids; null where there is no tokenizer, for the classes' defaults are those of other vocabularies."""
    return {f"{name}_token_id": getattr(tokenizer, f"{name}_id", None) for name in ("bos", "eos", "pad")}
