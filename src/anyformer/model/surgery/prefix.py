"""From a causal decoder to a prefix decoder: the same weights under another mask (Tay et al. 2022, U-PaLM, section 3)."""

from __future__ import annotations

import dataclasses

from anyformer.errors import ConfigError, Problem
from anyformer.model.model import Model
from anyformer.model.surgery.rebuild import rebuilt, with_blocks
from anyformer.parts.block import Block
from anyformer.parts.mask import And, Causal, Mask, Or, Prefix


def to_prefix(model: Model) -> Model:
    """The model in whose decoder every token sees the whole prefix of its document.

    `Causal()` becomes `Causal() | Prefix()` wherever it stands in a mask. Proof: without a prefix the outputs are those of `model`, to the bit.

    Raises:
        ConfigError: there is no decoder, or a mask that is not causal or never lets a token see a later one.
    """
    if model.config.decoder is None:
        raise ConfigError(Problem("decoder", "an encoder sees everything already; a prefix is for decoders"))
    problems = []
    for i, block in enumerate(model.config.decoder.layers()):
        mask = block.attention.mask
        if not any(isinstance(leaf, Causal) for leaf in _leaves(mask)):
            problems.append(Problem(f"decoder.layers.{i}.attention.mask", f"{mask.to_text()} has no Causal() that could be opened to a prefix"))
        elif not _sees_later(_opened(mask)):
            problems.append(Problem(f"decoder.layers.{i}.attention.mask", f"{mask.to_text()} ends at the token itself whatever a prefix opens; widen it first"))
    if problems:
        raise ConfigError(*problems)

    def change(i: int, block: Block.Config) -> Block.Config:
        return block.override("attention.mask", _opened(block.attention.mask))

    return rebuilt(model, with_blocks(model.config, change, sides=("decoder",)), model.state_dict())


def _opened(mask: Mask) -> Mask:
    if isinstance(mask, Causal):
        return mask | Prefix()
    if isinstance(mask, Or) and Prefix() in (mask.left, mask.right):
        return mask
    if isinstance(mask, (And, Or)):
        return dataclasses.replace(mask, left=_opened(mask.left), right=_opened(mask.right))
    return mask


def _leaves(mask: Mask) -> list[Mask]:
    return [*_leaves(mask.left), *_leaves(mask.right)] if isinstance(mask, (And, Or)) else [mask]


def _sees_later(mask: Mask) -> bool:
    """Whether the first of two tokens may see the second where both are prefix."""
    return mask.extent(range(0, 1), range(1, 2)) != "none"
