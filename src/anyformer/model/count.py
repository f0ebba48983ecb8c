"""How large a model is: parameters by part, operations a token, bytes. Nothing is allocated: models are built on the meta device."""

from __future__ import annotations

from typing import NamedTuple

import torch

from anyformer.model.model import Model
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.linear import Linear


class Count(NamedTuple):
    name: str  # a part's path with its layers merged: `encoder.layers.*.attention`
    parameters: int
    copies: int  # in how many layers it stands


def skeleton(config: Model.Config) -> Model:
    """The model without storage: shapes only."""
    with torch.device("meta"):
        return config.build()


def parameters(config: Model.Config) -> int:
    """All parameters, shared ones once."""
    return sum(p.numel() for p in skeleton(config).parameters())


def by_part(config: Model.Config) -> list[Count]:
    """Parameters of each kind of part, layers of a stack merged; a shared tensor counts where it first stands."""
    found: dict[str, list[int]] = {}
    for name, parameter in skeleton(config).named_parameters():
        parts = name.split(".")
        if "layers" in parts:
            at = parts.index("layers")
            key = ".".join([*parts[:at], "layers.*", parts[at + 2]])
            layer = int(parts[at + 1])
        else:
            key, layer = parts[0] if len(parts) <= 2 else ".".join(parts[:2]), 0
        total = found.setdefault(key, [0, 0])
        total[0] += parameter.numel()
        total[1] = max(total[1], layer + 1)
    return [Count(name, total, copies) for name, (total, copies) in found.items()]


def flops_per_token(config: Model.Config, context: int) -> int:
    """Forward operations for one token of the decoder (or only stack) and, in an encoder-decoder, one of the source.

    Two a multiply-add; every linear map, the head, and attention over `context` keys (Kaplan et al. 2020, section 2.1).
    """
    model = skeleton(config)
    flops = 2 * config.d_model * (config.embedding.vocab_size or config.vocab_size)
    for part in model.modules():
        if isinstance(part, Linear):
            flops += 2 * part.weight.numel()
        if isinstance(part, MultiHeadAttention):
            flops += 4 * context * part.query.weight.shape[0]
    return flops


def kv_cache_bytes_per_token(config: Model.Config, bytes_per_value: int = 2) -> int:
    """What each decoded token adds to the cache: keys and values of all layers' self-attention (bf16: 2 bytes a value)."""
    decoder = skeleton(config).decoder
    if decoder is None:
        return 0
    own = [part for name, part in decoder.named_modules() if name.endswith(".attention") and isinstance(part, MultiHeadAttention)]
    return bytes_per_value * sum(part.key.weight.shape[0] + part.value.weight.shape[0] for part in own)
