"""BigBird's attention in config.json.

transformers draws its random blocks anew for each head and layer in training, and in evaluation takes block 0 for all of them, so that it is attended
to several times. The paper's rule is followed here: blocks drawn once, each seen once. Texts of few blocks are seen whole, as there.
"""

from __future__ import annotations

from typing import Any

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf.keys import Keys
from anyformer.parts.bigbird import BigBird
from anyformer.parts.mask import Full, Mask, Or
from anyformer.parts.short_texts import WholeIfShort


def read_mask(keys: Keys) -> Mask:
    block, random = keys.take("block_size", int, 64), keys.take("num_random_blocks", int, 3)
    if keys.expect("attention_type", "block_sparse", "original_full") == "original_full":
        return Full()
    return WholeIfShort(length=(5 + 2 * random) * block) | BigBird(block=block, window=3, random=random)


def write_mask(mask: Mask) -> dict[str, Any]:
    if mask == Full():
        return {"attention_type": "original_full"}
    sparse = mask.right if isinstance(mask, Or) else mask
    if not isinstance(sparse, BigBird):
        raise ConversionError(Problem("encoder.layers.0.attention.mask", f"is {mask.to_text()}; it can only be Full(), or WholeIfShort(...) | BigBird(...)"))
    return {"attention_type": "block_sparse", "block_size": sparse.block, "num_random_blocks": sparse.random}
