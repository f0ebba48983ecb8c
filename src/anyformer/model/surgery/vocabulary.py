"""More entries in a vocabulary."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import torch
from torch import Tensor

from anyformer.errors import ConfigError, Problem
from anyformer.model.model import Model
from anyformer.model.surgery.rebuild import rebuilt
from anyformer.parts.head import VocabularyHead


def grow_vocabulary(
    model: Model, vocab_size: int, rows: Tensor | None = None, head_rows: Tensor | None = None, table: Literal["embedding", "encoder_embedding"] = "embedding"
) -> Model:
    """The model with `vocab_size` entries; the new ones begin as the mean of the old, or as given.

    The mean keeps what the model says of old tokens nearly as it was: a new token's logit is the mean logit, so of a softmax over V entries it takes
    less than the old ones do together by V to 1 (Hewitt 2021). Proof: the logits of old tokens are those of `model`.

    Args:
        rows: [new entries, width of the table], what they are looked up as.
        head_rows: [new entries, width], where the head has a table of its own; None: the mean.
        table: `encoder_embedding` where the source has a vocabulary of its own; the head then stays as it is.

    Raises:
        ConfigError: the vocabulary would shrink, the model has no such table, or rows of another shape.
    """
    config = model.config
    of_target = table == "embedding"
    part = model.embedding if of_target else model.encoder_embedding
    if part is None or (not of_target and part.weight is model.embedding.weight):
        raise ConfigError(Problem(table, "this model has one table for all; grow `embedding`"))
    old = part.weight.shape[0]
    if vocab_size < old:
        raise ConfigError(Problem("vocab_size", f"a vocabulary of {old} entries does not grow to {vocab_size}; entries are never taken away"))
    tensors = dict(model.state_dict())
    shared = [name for name, tensor in model.state_dict(keep_vars=True).items() if tensor is part.weight]
    grown = _grown(part.weight, vocab_size - old, rows, "rows")
    tensors |= dict.fromkeys(shared, grown)
    if of_target and isinstance(model.head, VocabularyHead):
        if "head.weight" not in shared:
            tensors["head.weight"] = _grown(model.head.weight, vocab_size - old, head_rows, "head_rows")
        elif head_rows is not None:
            raise ConfigError(Problem("head_rows", "the head is tied to the embedding, which `rows` fills"))
        if model.head.bias is not None:
            tensors["head.bias"] = _grown(model.head.bias, vocab_size - old, None, "")
    return rebuilt(model, _resized(config, vocab_size, of_target), tensors)


def _resized(config: Model.Config, vocab_size: int, of_target: bool) -> Model.Config:
    changes: dict[str, Any] = {}
    if not of_target:
        assert config.encoder_embedding is not None
        return dataclasses.replace(config, encoder_embedding=dataclasses.replace(config.encoder_embedding, vocab_size=vocab_size))
    if config.embedding.vocab_size is not None:
        changes["embedding"] = dataclasses.replace(config.embedding, vocab_size=vocab_size)
    return dataclasses.replace(config, vocab_size=vocab_size, **changes)


def _grown(table: Tensor, more: int, given: Tensor | None, name: str) -> Tensor:
    """[V, ...] -> [V + more, ...]"""
    wanted = (more, *table.shape[1:])
    if given is not None and tuple(given.shape) != wanted:
        raise ConfigError(Problem(name, f"has the shape {list(given.shape)}, the new entries are {list(wanted)}"))
    mean = table.detach().float().mean(0).expand(wanted)
    return torch.cat([table.detach(), (mean if given is None else given).to(table.device, table.dtype)])
