"""Operations of a forward pass for one token: two a multiply-add, of maps and of attention; what is looked up or element by element counts nothing.

(Kaplan et al. 2020, section 2.1; Chowdhery et al. 2022, appendix B.) S keys, N heads, H head width.
"""

from __future__ import annotations

from typing import Any

import torch

from anyformer.model.count import active_shares
from anyformer.model.model import Model
from anyformer.model.skeleton import Layers, skeleton
from anyformer.parts.attention import Attention
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.linear import Linear
from anyformer.parts.mask import Causal, Full, Mask
from anyformer.parts.place import Place
from anyformer.parts.random_features import RandomFeatures

SAMPLED_ROWS = 64


def flops_per_token(config: Model.Config, context: int) -> int:
    """Forward operations for a token that stands at the end of `context` tokens; where masks look both ways, for the mean token of so many.

    An encoder-decoder counts a token of each side: one is encoded, one is decoded beside a memory of `context` tokens. The head counts,
    but for that of the pre-training of an encoder with a pooler, as in `count.parameters`.
    """
    of = skeleton(config)
    flops = sum(layer.copies * _layer(layer, config.d_model, context) for layer in of.layers)
    embeddings = [e for e in (of.model.embedding, of.model.encoder_embedding) if e is not None]
    flops += sum(2 * part.weight.numel() for e in embeddings for part in e.modules() if isinstance(part, Linear))
    if config.decoder is None and config.pooler is not None:
        return flops
    return flops + sum(2 * p.numel() for p in of.model.head.parameters() if p.dim() > 1)


def keys_seen(mask: Mask, context: int) -> float:
    """How many of `context` keys the last token sees; where a mask lets tokens see later ones, how many the mean token does. No prefix is open."""
    if mask in (Full(), Causal()):
        return float(context)
    index = torch.arange(context)
    keys = Place(index, index.unsqueeze(0), None)

    def seen_by(row: int) -> torch.Tensor:
        at = index[row : row + 1]
        return mask.allows(Place(at, at.unsqueeze(0), None), keys, head=0).expand(1, 1, context)[0, 0]

    one_way = not seen_by(0)[1:].any()
    rows = [context - 1] if one_way else sorted({round(i * (context - 1) / (SAMPLED_ROWS - 1)) for i in range(SAMPLED_ROWS)})
    return sum(int(seen_by(row).sum()) for row in rows) / len(rows)


def _layer(layer: Layers, d_model: int, context: int) -> int:
    shares = active_shares(layer)
    positions = {id(p) for part in layer.module.modules() if isinstance(part, AttentionPosition) for p in part.parameters()}
    weights = [p for name, p in layer.module.named_parameters() if p.dim() > 1 and id(p) not in positions and not name.endswith("bias")]
    maps = sum(round(2 * p.numel() * shares.get(id(p), 1.0)) for p in weights)
    attention = _attention(layer.module.attention, layer.block.attention, d_model, context)
    if layer.module.cross_attention is not None and layer.block.cross_attention is not None:
        attention += _attention(layer.module.cross_attention, layer.block.cross_attention, d_model, context)
    return maps + attention


def _attention(part: Attention, config: Attention.Config, d_model: int, context: int) -> int:
    """Scores and weighted values, 2 S N H each, and what positions add; random features take the same at every context."""
    if isinstance(part.mechanism, RandomFeatures):
        return part.mechanism.flops_per_token(config.heads(d_model)[1])
    keys = keys_seen(config.mask, context)
    n_heads, head_dim = config.heads(d_model)
    both = _rows(part.query) + _columns(part.out)
    position = 0 if part.position is None else _position(part.position, n_heads, head_dim, keys)
    return round(2 * keys * both) + position


def _rows(module: Any) -> int:
    return int(module.weight.shape[0])


def _columns(module: Any) -> int:
    return int(module.weight.shape[1])


def _position(part: AttentionPosition, n_heads: int, head_dim: int, keys: float) -> int:
    """A map makes a vector of each distance, which queries meet key by key (Transformer-XL); tables are met row by row (Shaw); a bias is looked up."""
    if not part.uses & {"scores", "values"}:
        return 0
    maps = [m.weight.numel() for m in part.modules() if isinstance(m, Linear)]
    if maps:
        return 2 * sum(maps) + round(2 * keys * n_heads * head_dim)
    return sum(2 * n_heads * table.numel() for table in part.parameters())
