"""`save_hf(model, folder)`: a `Model` as a checkpoint that `transformers` loads."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import torch

from anyformer.errors import ConversionError, Problem
from anyformer.interop.conversion import plan_writing
from anyformer.interop.hf import tokenizer as tokenizers
from anyformer.interop.hf.family import Differs, Family, families, find
from anyformer.interop.stream_order import in_halves
from anyformer.interop.writing import write_checkpoint
from anyformer.model.model import Model
from anyformer.text import Tokenizer

MAX_SHARD_SIZE = 5 * 10**9  # bytes


def save_hf(
    model: Any,
    path: str | Path,
    tokenizer: Tokenizer | tuple[Tokenizer, Tokenizer] | None = None,
    *,
    family: str | None = None,
    max_shard_size: int = MAX_SHARD_SIZE,
) -> None:
    """Writes config.json, generation_config.json and safetensors; with `tokenizer`, its files too.

    Args:
        model: a `Model`, or a run (`anyformer.load(...)`), whose tokenizer is taken.
        tokenizer: one, or those of source and target, which are written into folders of their own.
        family: the `model_type` to write; None: the first that can hold the model.
        max_shard_size: bytes of one file.
    Raises:
        ConversionError: no Hugging Face class can hold the model; names the parts that prevent it.
    """
    if tokenizer is None and hasattr(model, "target_tokenizer"):
        tokenizer = (model.source_tokenizer, model.target_tokenizer)
    model = getattr(model, "model", model)
    both = tokenizer if isinstance(tokenizer, tuple) else (tokenizer, tokenizer)
    model, chosen, data = _with_family(model, family)
    planned = plan_writing(model, chosen.rules(model.config))
    has_encoder = model.encoder is not None and model.decoder is not None
    ids = tokenizers.generation_ids(both[1], has_encoder)
    _check_padding(data, both[1])
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    if both[0] is not None and both[1] is not None:
        if both[0] is both[1]:
            tokenizers.write_tokenizer(folder, both[0], model.encoder is not None)
        else:
            tokenizers.write_tokenizer(folder / "source_tokenizer", both[0], True)
            tokenizers.write_tokenizer(folder / "target_tokenizer", both[1], False)
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    _write(folder / "config.json", ids | {"dtype": dtype, "is_encoder_decoder": has_encoder} | data)
    search = {} if both[1] is None else {"suppress_tokens": tokenizers.never_written(both[1]), "max_length": 512}
    _write(folder / "generation_config.json", ids | {k: v for k, v in data.items() if k in ids} | search)
    with torch.no_grad():
        write_checkpoint(folder, planned, max_shard_size)


def _with_family(model: Model, name: str | None) -> tuple[Model, Family, dict[str, Any]]:
    """The model, its features in another order if only so a class can hold it, with that class's family and config.json."""
    try:
        return model, *choose(model.config, name)  # type: ignore[arg-type]
    except ConversionError:
        reordered = in_halves(model)
        if reordered is not None:
            with contextlib.suppress(ConversionError):
                return reordered, *choose(reordered.config, name)  # type: ignore[arg-type]
        raise


def choose(config: Model.Config, name: str | None = None) -> tuple[Family, dict[str, Any]]:
    """The family that can hold this config, and its config.json."""
    candidates = list(families().values()) if name is None else [find(name)]
    refused: list[tuple[str, ConversionError]] = []
    for candidate in candidates:
        try:
            return candidate, candidate.written(config)
        except ConversionError as error:
            refused.append((candidate.model_type, error))
    nearest, reasons = min(refused, key=lambda r: _distance(r[1]))
    who = f"{name} cannot hold this model:" if name else f"no Hugging Face class can hold this model; nearest is {nearest}, but for:"
    raise ConversionError(Problem("", who), *reasons.problems)


def _distance(refusal: ConversionError) -> float:
    """How far a family is from a model: values that differ are counted; a part that it does not have is the farther the higher it stands."""
    if isinstance(refusal, Differs):
        return len(refusal.problems)
    return min(2 + 10 / (1 + problem.path.count(".")) for problem in refusal.problems)


def _check_padding(data: dict[str, Any], tokenizer: Tokenizer | None) -> None:
    """Where a family counts positions from the padding's id, it must be the tokenizer's."""
    tied = data.get("pad_token_id")
    if tied is not None and tokenizer is not None and tokenizer.pad_id != tied:
        raise ConversionError(
            Problem("tokenizer", f"pads with id {tokenizer.pad_id}; {data['model_type']} counts this model's positions from padding id {tied}")
        )


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
