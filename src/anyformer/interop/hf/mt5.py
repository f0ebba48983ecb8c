"""mT5 (Xue et al. 2021) and umT5 (Chung et al. 2023): T5 1.1 with other vocabularies; umT5 has a bias in every layer.

transformers 5.23 scales umT5's decoder output by 1 / sqrt(d_model), which belongs to tied heads, though the released models have their own. We do not.
"""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf import t5
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.model.model import Model
from anyformer.parts.head import VocabularyHead


def read(keys: Keys) -> Model.Config:
    return t5.read_stacks(keys, _head(keys), t5.read_feed_forward(keys, "gated-gelu"))


def read_per_layer(keys: Keys) -> Model.Config:
    return t5.read_stacks(keys, _head(keys), t5.read_feed_forward(keys, "gated-gelu"), per_layer=True)


def _head(keys: Keys) -> VocabularyHead.Config:
    """Never scaled; its own where the files hold one."""
    tied = keys.take("tie_word_embeddings", bool, False)
    return VocabularyHead.Config(tied=not keys.stored("lm_head.weight", not tied))


def write(config: Model.Config) -> dict[str, Any]:
    return {**t5.write_stacks(config), "tie_word_embeddings": t5.only(config.head, VocabularyHead.Config, "head").tied}


INERT = t5.INERT | {"scale_decoder_outputs"}  # written by transformers, and not read by these classes

register(Family("mt5", ("MT5ForConditionalGeneration",), read, write, t5.rules, INERT))
register(Family("umt5", ("UMT5ForConditionalGeneration",), read_per_layer, write, t5.rules, INERT))
