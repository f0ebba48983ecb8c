"""Bytes of a model at rest, in training and while it writes. N heads, K key heads, H head width, F d_ff, D d_model."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from anyformer.model.count import kv_cache_bytes_per_token, parameters, pretraining_head
from anyformer.model.model import Model
from anyformer.model.skeleton import Layers, skeleton
from anyformer.parts.linear import Linear
from anyformer.parts.moe import MoE
from anyformer.parts.norm import Norm

WEIGHTS = {"fp32": 4.0, "bf16": 2.0, "int8": 1.0, "int4": 0.5}  # bytes a parameter
STATES = 16  # bytes a parameter in training: fp32 weights, gradients, and the two moments of AdamW, whatever is computed in


class Memory(NamedTuple):
    weights: dict[str, int]  # by precision
    training: dict[str, int]  # weights, gradients and moments, by the precision that is computed in
    activations_per_token: dict[str, int]  # what backward needs of each token, beside them; an estimate
    kv_cache_per_token: int  # bf16


def memory(config: Model.Config) -> Memory:
    n = parameters(config) + pretraining_head(config)
    kept = values_kept_per_token(config)
    return Memory(
        weights={precision: round(size * n) for precision, size in WEIGHTS.items()},
        training={precision: STATES * n for precision in ("fp32", "bf16")},
        activations_per_token={"fp32": 4 * kept, "bf16": 2 * kept},
        kv_cache_per_token=kv_cache_bytes_per_token(config),
    )


def values_kept_per_token(config: Model.Config) -> int:
    """Numbers that a layer keeps of a token for its way back, all layers together, without recomputation (Korthikanti et al. 2022, section 4.1).

    What maps and norms read, queries, keys and values, and the two sides of an activation; attention keeps no weights, dropout next to nothing.
    """
    return sum(layer.copies * _layer(layer) for layer in skeleton(config).layers)


def _layer(layer: Layers) -> int:
    block = layer.module
    kept = sum(_width(norm) for norm in block.modules() if isinstance(norm, Norm))
    for attention in (block.attention, block.cross_attention):
        if attention is not None:
            maps = {name: part for name, part in attention.named_modules() if isinstance(part, Linear)}
            kept += sum(m.weight.shape[0] for name, m in maps.items() if name != "out")  # q, k, v
            kept += maps["out"].weight.shape[1] + maps["out"].weight.shape[0]
    return kept + _feed_forward(layer)


def _feed_forward(layer: Layers) -> int:
    config, part = layer.block.feed_forward, layer.module.feed_forward
    if not isinstance(config, MoE.Config) or not isinstance(part, MoE):
        return _hidden(part)
    chosen = config.router.experts_per_token(config.n_experts)
    return round(chosen * _hidden(part.experts)) + (0 if part.shared is None else _hidden(part.shared))


def _hidden(part: nn.Module) -> int:
    """The input, and before and after the activation; a gate adds its own and the product."""
    gated = any(name.split(".")[-1] == "gate" for name, _ in part.named_modules())
    downs = [m for name, m in part.named_modules() if name.split(".")[-1] == "down"]
    return sum((4 if gated else 2) * m.weight.shape[-1] + m.weight.shape[-2] for m in downs)  # type: ignore[union-attr,index,misc]


def _width(norm: Norm) -> int:
    return max((p.numel() for p in norm.parameters()), default=getattr(norm, "dim", 0))
