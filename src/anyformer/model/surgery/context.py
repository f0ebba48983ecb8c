"""Longer texts: rotary frequencies that are scaled, learned tables that are extended."""

from __future__ import annotations

import dataclasses
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from anyformer.errors import ConfigError, Problem
from anyformer.model.model import Model
from anyformer.model.surgery.rebuild import layers_of, rebuilt, with_blocks
from anyformer.parts.block import Block
from anyformer.parts.position import Learned
from anyformer.parts.rope_scaling import RopeScaling
from anyformer.parts.rotary import Rotary


def scale_rotary(model: Model, scaling: RopeScaling | Literal["kept"] | None = "kept", base: float | None = None) -> Model:
    """The model whose rotary positions are scaled so (None: not at all); no weight changes. `base`: another one for the frequencies (None: as it is).

    Proof: under `Linear(factor=f)`, tokens at positions f p are what tokens of `model` at p are.

    Raises:
        ConfigError: no layer has rotary positions.
    """
    if not any(isinstance(block.attention.position, Rotary.Config) for _, _, _, block in layers_of(model.config)):
        raise ConfigError(Problem("attention.position", "no layer has rotary positions that could be scaled; `extend_positions` is for learned tables"))

    def change(i: int, block: Block.Config) -> Block.Config:
        position = block.attention.position
        if not isinstance(position, Rotary.Config):
            return block
        new = position if scaling == "kept" else dataclasses.replace(position, scaling=scaling)
        return block.override("attention.position", new if base is None else dataclasses.replace(new, base=base))

    return rebuilt(model, with_blocks(model.config, change), model.state_dict())


def extend_positions(model: Model, length: int, new: Literal["repeat", "stretch"] = "repeat") -> Model:
    """The model whose learned tables of positions have `length` rows.

    new "repeat": the old rows over and over (Beltagy et al. 2020, Longformer, section 5); texts of the old length give what they gave. "stretch": the
    old rows spread over the new length, linearly in between: position p (length - 1) / (old - 1) is what p was.

    Raises:
        ConfigError: there is no learned table, or it is longer.
    """
    config, tensors, found = model.config, dict(model.state_dict()), 0
    for name in ("embedding", "encoder_embedding"):
        part = getattr(config, name)
        if part is None or not isinstance(part.position, Learned.Config):
            continue
        found += 1
        old, offset = part.position.length, part.position.offset
        if length < old:
            raise ConfigError(Problem(f"{name}.position.length", f"the table has {old} rows and does not shrink to {length}"))
        table = tensors[f"{name}.position.weight"]
        tensors[f"{name}.position.weight"] = torch.cat([table[:offset], _longer(table[offset:], length, new)])
        config = config.override(f"{name}.position.length", length)
    if not found:
        raise ConfigError(Problem("embedding.position", "there is no learned table of positions; `scale_rotary` is for rotary ones, others have no end"))
    return rebuilt(model, config, tensors)


def _longer(table: Tensor, length: int, new: str) -> Tensor:
    """[old, D] -> [length, D]"""
    if new == "repeat":
        return table.repeat(-(-length // table.shape[0]), 1)[:length]
    stretched = F.interpolate(table.float().t().unsqueeze(0), size=length, mode="linear", align_corners=True)
    return stretched[0].t().to(table.dtype)
