"""Layers that differ: which have a window, and how a stack tells them shortly."""

from __future__ import annotations

from collections.abc import Sequence

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import decoder_only
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.block import Block
from anyformer.parts.mask import And, Causal, Mask, Window
from anyformer.parts.norm import Norm


def stack_of(blocks: Sequence[Block.Config], final_norm: Norm.Config | None) -> Stack.Config:
    """A stack of these layers, told as shortly as it can be: some first ones, and a pattern that repeats."""
    numbers = {block: i for i, block in enumerate(dict.fromkeys(blocks))}
    kinds, n = [numbers[block] for block in blocks], len(blocks)
    ways = ((first, length) for total in range(1, n + 1) for first in range(total) for length in [total - first])
    first, length = next((f, p) for f, p in ways if all(kinds[i] == kinds[f + (i - f) % p] for i in range(f, n)))
    return Stack.Config(n_layers=n, first=tuple(blocks[:first]), blocks=tuple(blocks[first : first + length]), final_norm=final_norm)


def pattern(blocks: Sequence[Block.Config]) -> tuple[Block.Config, ...]:
    """The shortest sequence whose repetition gives `blocks`."""
    length = next(n for n in range(1, len(blocks) + 1) if all(block == blocks[i % n] for i, block in enumerate(blocks)))
    return tuple(blocks[:length])


def read_layer_types(keys: Keys, sliding: Sequence[bool]) -> list[bool]:
    """Whether each layer has a window; `sliding`: where `layer_types` does not say."""
    named = keys.take("layer_types", tuple[str, ...], None)
    if named is None:
        return list(sliding)
    unknown = [name for name in named if name not in ("sliding_attention", "full_attention")]
    if unknown or len(named) != len(sliding):
        raise ConversionError(Problem("layer_types", f"names {unknown[0]}" if unknown else f"has {len(named)} entries for {len(sliding)} layers"))
    return [name == "sliding_attention" for name in named]


def windowed(window: int | None) -> Mask:
    """The last `window` tokens, itself counted; None: all."""
    return Causal() if window is None else Causal() & Window(left=window - 1)


def windows(config: Model.Config) -> list[int | None]:
    """The window of each layer, itself counted."""
    return [_window(block.attention.mask, f"decoder.layers.{i}.attention.mask") for i, block in enumerate(decoder_only(config).layers())]


def _window(mask: Mask, path: str) -> int | None:
    if mask == Causal():
        return None
    if isinstance(mask, And) and mask.left == Causal() and isinstance(mask.right, Window) and mask.right.right is None and mask.right.left is not None:
        return mask.right.left + 1
    raise ConversionError(Problem(path, f"is {mask.to_text()}; it can only be Causal(), or Causal() & Window(left=...)"))


def one_window(config: Model.Config) -> int | None:
    """The window of those layers that have one."""
    found = {w for w in windows(config) if w is not None}
    if len(found) > 1:
        raise ConversionError(Problem("decoder.layers", f"have windows of {sorted(found)} tokens; they can only have one width"))
    return found.pop() if found else None


def write_layer_types(config: Model.Config) -> list[str]:
    return ["full_attention" if w is None else "sliding_attention" for w in windows(config)]
