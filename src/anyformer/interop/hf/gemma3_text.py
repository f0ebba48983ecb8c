"""Gemma 3, text (Gemma Team 2025): Gemma 2 without caps, with norms on queries and keys.

Five layers with a window go to one without; each kind has its own rotary base.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf import decoder, layers
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.gemma import TANH
from anyformer.interop.hf.gemma2 import read_attention, rules, write_layers
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.model.model import Model
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.norm import RMSNorm
from anyformer.parts.qk_norm import PerHead
from anyformer.parts.residual import sandwich_norm
from anyformer.parts.rope_by_pair import YaRN

LENGTH = 131072


def read(keys: Keys) -> Model.Config:
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6), plus_one=True)
    positions = {
        "full_attention": read_rope(keys, theta=1e6, max_length=LENGTH, source=_source(keys, "full_attention")),
        "sliding_attention": read_rope(keys, theta=1e4, max_length=LENGTH, source=_source(keys, "sliding_attention"), theta_key="rope_local_base_freq"),
    }
    for kind, position in positions.items():
        if isinstance(position.scaling, YaRN) and not position.scaling.truncate:
            raise ConversionError(Problem(f"rope_parameters.{kind}.truncate", "is False, which transformers overlooks where each kind of layer has its own"))
    attention = replace(read_attention(keys, positions["full_attention"]), qk_norm=PerHead.Config(norm=norm))
    feed_forward = decoder.read_feed_forward(keys, activation="hidden_activation", default=TANH)
    window = keys.take_or_none("sliding_window", int, 4096)
    every = keys.take("sliding_window_pattern", int, keys.take("_sliding_window_pattern", int, 6))
    sliding = layers.read_layer_types(keys, [(i + 1) % every != 0 for i in range(keys.take("num_hidden_layers", int))])
    blocks = [
        TransformerBlock.Config(
            attention=replace(attention, mask=layers.windowed(window if has else None), position=positions["sliding_attention" if has else "full_attention"]),
            feed_forward=feed_forward,
            residual=sandwich_norm(norm),
        )
        for has in sliding
    ]
    keys.expect("attn_logit_softcapping", None)
    softcap = keys.take_or_none("final_logit_softcapping", float, None)
    return decoder.read_model(keys, blocks, norm, tied=True, embedding=Embedding.Config(scale_by_sqrt_dim=True), softcap=softcap)


def _source(keys: Keys, kind: str) -> Keys:
    """The rotary parameters of a kind of layer; before each kind had its own, `rope_scaling` was that of full attention."""
    both = keys.within("rope_parameters")
    if both is not None and (own := both.within(kind)) is not None:
        return own
    return (keys.within("rope_scaling") if kind == "full_attention" else None) or Keys({})


def write(config: Model.Config) -> dict[str, Any]:
    said = write_layers(config)
    types: list[str] = said["layer_types"]
    rope, length = {}, LENGTH
    for kind in ("full_attention", "sliding_attention"):
        attention = decoder.attention_of(decoder.layer(config, types.index(kind) if kind in types else 0))
        written = write_rope(attention.position, attention.heads(config.d_model)[1])
        rope[kind] = written["rope_parameters"]
        if rope[kind]["rope_type"] == "dynamic":
            length = written["max_position_embeddings"]  # the trained length, for which there is no other key
    return {**said, "rope_parameters": rope, "max_position_embeddings": length}


register(Family("gemma3_text", ("Gemma3ForCausalLM",), read, write, rules, frozenset({"cache_implementation"})))
