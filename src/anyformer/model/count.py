"""How large a model is: parameters by part, those at work for one token, bytes of the KV cache. Nothing is allocated, however large the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn

from anyformer.model.model import Model
from anyformer.model.skeleton import Layers, Skeleton, skeleton
from anyformer.parts.embedding import Embedding
from anyformer.parts.moe import MoE
from anyformer.parts.position import InputPosition

HEAD = "pre-training head"


class Count(NamedTuple):
    name: str  # a part, equal layers merged: `embedding.tokens`, `encoder.layers.*.attention`, `decoder.layers.0-2.feed_forward`
    parameters: int  # of all copies
    copies: int  # in how many layers it stands
    active: int  # those that work for one token: of experts only the chosen ones
    table: bool = False  # looked up, or the output's table, rather than a part of the body


def by_part(config: Model.Config) -> list[Count]:
    """Parameters of each kind of part; a shared tensor counts where it first stands. Without the pre-training head."""
    return [c for c in _all_parts(config) if c.name != HEAD]


def parameters(config: Model.Config) -> int:
    """All parameters, shared ones once. A model with a pooler counts as its paper does, without the head of its pre-training."""
    return sum(c.parameters for c in by_part(config))


def active_parameters(config: Model.Config) -> int:
    """Parameters that work for one token: all, but of experts only those that are chosen for it."""
    return sum(c.active for c in by_part(config))


def body_parameters(config: Model.Config) -> int:
    """Parameters without embeddings: no table of tokens, types or positions, nor the output's table of tokens, tied or not."""
    return sum(c.parameters for c in by_part(config) if not c.table)


def pretraining_head(config: Model.Config) -> int:
    """Parameters of the head that an encoder with a pooler was trained with (BERT's, for masked words); they stand beside the paper's count."""
    return sum(c.parameters for c in _all_parts(config) if c.name == HEAD)


def kv_cache_bytes_per_token(config: Model.Config, dtype: torch.dtype = torch.bfloat16) -> int:
    """What each decoded token adds to the cache: what the self-attention of all layers remembers of it. A window keeps no more than
    its tokens, but each takes as much. What an encoder's memory takes does not grow with the decoded text."""

    def held(layer: nn.Module, length: int) -> int:
        state = layer.attention.new_state(1, length, 1, torch.device("meta"), dtype)  # type: ignore[operator,union-attr]
        return sum(t.nbytes for t in vars(state).values() if isinstance(t, torch.Tensor))

    return sum((held(layer.module, 2) - held(layer.module, 1)) * layer.copies for layer in skeleton(config).layers if layer.side == "decoder")


def _all_parts(config: Model.Config) -> list[Count]:
    of = skeleton(config)
    tables, active = _tables(of), {k: v for layer in of.layers for k, v in active_shares(layer).items()}
    found: dict[str, Count] = {}
    for path, parameter in of.model.named_parameters():
        name, copies = _name(path.split("."), of)
        before = found.get(name, Count(name, 0, copies, 0, id(parameter) in tables))
        n = parameter.numel() * copies
        working = round(n * active.get(id(parameter), 1.0))
        found[name] = before._replace(parameters=before.parameters + n, active=before.active + working)
    return list(found.values())


def _name(path: list[str], of: Skeleton) -> tuple[str, int]:
    """(name of the part that a parameter belongs to, copies)."""
    side = path[0]
    if side in ("encoder", "decoder") and path[1] == "layers":
        layers = [layer for layer in of.layers if layer.side == side][int(path[2])]
        return f"{side}.layers.{layers.where}.{_within_a_layer(path[3:])}", layers.copies
    if side in ("encoder", "decoder"):
        return f"{side}.{path[1]}", 1
    if side.endswith("embedding"):
        return f"{side}.{ {'weight': 'tokens'}.get(path[1], path[1]) }", 1
    if side == "head" and of.config.pooler is not None and of.config.decoder is None:
        return HEAD, 1
    if side == "head":
        return f"head.{ {'weight': 'tokens'}.get(path[1], path[1]) }", 1
    return side, 1


def _within_a_layer(path: list[str]) -> str:
    if path[0].endswith(("norm", "residual")):
        return "norms"
    return path[0]


def _tables(of: Skeleton) -> set[int]:
    """Ids of the parameters that are looked up by token or place, and of the output's table with its bias."""

    def walk() -> Iterator[nn.Parameter]:
        for part in of.model.modules():
            if isinstance(part, Embedding):
                yield from part.parameters(recurse=False)
            elif isinstance(part, InputPosition):
                yield from part.parameters()
        yield from of.model.head.parameters(recurse=False)

    return {id(p) for p in walk()}


def active_shares(layer: Layers) -> dict[int, float]:
    """Id of a parameter of this layer -> the share of it that works for one token, where that is not all: an expert in so many."""
    config, part = layer.block.feed_forward, layer.module.feed_forward
    if not isinstance(config, MoE.Config) or not isinstance(part, MoE):
        return {}
    share = min(1.0, config.router.experts_per_token(config.n_experts) / config.n_experts)
    return {id(p): share for p in part.experts.parameters()}
