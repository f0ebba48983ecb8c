"""From many key heads to few: each new one is the mean of those it stands for (Ainslie et al. 2023, section 2.1)."""

from __future__ import annotations

from torch import Tensor

from anyformer.errors import ConfigError, Problem
from anyformer.model.model import Model
from anyformer.model.surgery.rebuild import layers_of, rebuilt, with_blocks
from anyformer.parts.attention import Attention, MultiHeadAttention
from anyformer.parts.block import Block

ATTENTIONS = ("attention", "cross_attention")


def group_heads(model: Model, n_kv_heads: int) -> Model:
    """The model with `n_kv_heads` key and value heads in every attention; 1 is multi-query.

    Proof: where the heads of a group were equal, outputs are those of `model`; elsewhere keys and values are the groups' means. The paper trains
    on for a twentieth of the steps.

    Raises:
        ConfigError: an attention's key heads cannot be grouped so.
    """
    problems = []
    for side, _, i, block in layers_of(model.config):
        for name in ATTENTIONS:
            attention: Attention.Config | None = getattr(block, name)
            path = f"{side}.layers.{i}.{name}"
            if attention is None:
                continue
            if not isinstance(attention, MultiHeadAttention.Config):
                problems.append(Problem(path, f"{attention.kind()} has no key heads of their own that could be joined"))
            elif n_kv_heads < 1 or (attention.n_kv_heads or attention.n_heads) % n_kv_heads:
                have = attention.n_kv_heads or attention.n_heads
                ways = ", ".join(str(n) for n in range(1, have + 1) if have % n == 0)
                problems.append(Problem(f"{path}.n_kv_heads", f"{have} key heads cannot be joined to {n_kv_heads} evenly; take one of {ways}"))
    if problems:
        raise ConfigError(*problems)

    def change(i: int, block: Block.Config) -> Block.Config:
        for name in ATTENTIONS:
            block = block if getattr(block, name) is None else block.override(f"{name}.n_kv_heads", n_kv_heads)
        return block

    tensors = dict(model.state_dict())
    for _, prefix, _, block in layers_of(model.config):
        for name in ATTENTIONS:
            attention = getattr(block, name)
            if not isinstance(attention, MultiHeadAttention.Config):
                continue
            have = attention.n_kv_heads or attention.n_heads
            for field in ("key.weight", "key.bias", "value.weight", "value.bias", "key_norm.norm.weight", "key_norm.norm.bias"):
                full = f"{prefix}{name}.{field}"
                of_one_head = field.startswith("key_norm") and attention.qk_norm is not None and attention.qk_norm.kind() == "PerHead"
                if full in tensors and not of_one_head:
                    tensors[full] = _pooled(tensors[full], have, n_kv_heads)
    return rebuilt(model, with_blocks(model.config, change), tensors)


def _pooled(tensor: Tensor, have: int, want: int) -> Tensor:
    """[have * H, ...] -> [want * H, ...]: means over neighbouring heads."""
    return tensor.unflatten(0, (want, have // want, -1)).mean(1).flatten(0, 1)
