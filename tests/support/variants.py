"""One small model for every part that can be chosen, and one for every architecture: what the property tests run over.

A new part joins by standing in its slot's menu; the first test of test_variants.py says so until it has an example here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import Activation
from anyformer.parts.attention import Attention, MultiHeadAttention
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.block import Block, ParallelBlock, TransformerBlock
from anyformer.parts.embedding import Embedding, Narrow
from anyformer.parts.feed_forward import MLP, FeedForward, GatedMLP
from anyformer.parts.guarantees import guarantees_of
from anyformer.parts.head import Transform, VocabularyHead
from anyformer.parts.latent_attention import LatentAttention
from anyformer.parts.mask import And, Causal, Mask, Or, Prefix, Window
from anyformer.parts.mechanism import Mechanism, Softmax
from anyformer.parts.moe import MoE
from anyformer.parts.norm import LayerNorm, Norm, RMSNorm
from anyformer.parts.performer import Performer
from anyformer.parts.position import InputPosition
from anyformer.parts.qk_norm import QKNorm
from anyformer.parts.residual import Residual, deep_norm, post_norm, pre_norm, sandwich_norm
from anyformer.parts.rfa import RFA
from anyformer.parts.rotary import Rotary
from anyformer.parts.router import Router
from anyformer.spec import Spec

VOCAB, WIDTH, HEADS = 31, 24, 3

# what a kind cannot do without, where its defaults are not enough
FIELDS: dict[str, dict[str, object]] = {
    "Learned": {"length": 40},
    "TwoDimensional": {"length": 40},
    "Window": {"left": 2},
    "WholeIfShort": {"length": 6},
    "LocalBlocks": {"block": 2, "left": 1},
    "BlockEnds": {"block": 3},
    "Strided": {"stride": 3},
    "Fixed": {"block": 3, "summary": 1},
    "RandomBlocks": {"block": 2, "n": 1, "plan": [[[0], [1], [0], [1, 2], [3]]]},
    "GlobalBlocks": {"block": 2, "blocks": 3},
    "BigBird": {"block": 2, "window": 1, "plan": [[[0], [1], [1], [0]]]},
    "MLP": {"d_ff": 20},
    "GatedMLP": {"d_ff": 20},
    "MoE": {"expert": {"kind": "GatedMLP", "d_ff": 12}, "n_experts": 4, "router": "TopK"},
    "OutputGate": {"inner": {"kind": "MLP", "d_ff": 20}},
    "MultiHeadAttention": {"n_heads": HEADS},
    "LatentAttention": {"n_heads": HEADS, "kv_rank": 10, "nope_dim": 5, "rope_dim": 4, "value_dim": 7},
    "RelativeBias": {"n_buckets": 8, "max_distance": 6},
    "Shaw": {"max_distance": 3},
}


def example(slot: type[Spec], kind: str, **fields: object) -> Spec:
    """A small config of one kind of a slot's menu."""
    return slot.from_dict({"kind": kind, **FIELDS.get(kind, {}), **fields})


def block(**changes: object) -> TransformerBlock.Config:
    fields: dict[str, object] = {
        "attention": MultiHeadAttention.Config(n_heads=HEADS, mask=Causal()),
        "feed_forward": MLP.Config(d_ff=20),
        "residual": pre_norm(LayerNorm.Config()),
    }
    return TransformerBlock.Config(**(fields | changes))  # type: ignore[arg-type]


def attention(**changes: object) -> MultiHeadAttention.Config:
    return MultiHeadAttention.Config(**({"n_heads": HEADS, "mask": Causal()} | changes))  # type: ignore[arg-type]


def decoder(one: Block.Config, **changes: object) -> Model.Config:
    """A decoder of two such layers."""
    fields: dict[str, object] = {
        "vocab_size": VOCAB,
        "d_model": WIDTH,
        "embedding": Embedding.Config(),
        "head": VocabularyHead.Config(),
        "decoder": Stack.Config(n_layers=2, blocks=(one,), final_norm=LayerNorm.Config()),
    }
    return Model.Config(**(fields | changes))  # type: ignore[arg-type]


def encoder(one: Block.Config, **changes: object) -> Model.Config:
    return decoder(one, encoder=Stack.Config(n_layers=2, blocks=(one,), final_norm=LayerNorm.Config()), decoder=None, **changes)


def routed(router: Spec) -> Model.Config:
    """A router in a decoder; what later tokens would change, in an encoder."""
    moe = MoE.Config(expert=MLP.Config(d_ff=12), n_experts=8, router=router, shared=GatedMLP.Config(d_ff=6))  # type: ignore[arg-type]
    if "causal" in guarantees_of(router):
        return decoder(block(feed_forward=moe))
    return encoder(block(feed_forward=moe))


def in_attention(field: str) -> Callable[[Spec], Model.Config]:
    return lambda part: decoder(block(attention=attention(**{field: part})))


def masked(mask: Spec) -> Model.Config:
    """A mask in a decoder: alone where it looks back only, else within the causal one; in an encoder where it must know the whole text."""
    if "causal" not in mask.guarantees():  # type: ignore[attr-defined]
        return encoder(block(attention=attention(mask=mask)))
    within = mask if isinstance(mask, Causal) else Or(left=Causal(), right=mask) if isinstance(mask, Prefix) else And(left=Causal(), right=mask)
    return decoder(block(attention=attention(mask=within)))


# slot: (menu, how one of its parts stands in a model)
SLOTS: dict[str, tuple[type[Spec], Callable[[Spec], Model.Config]]] = {
    "norm": (Norm.Config, lambda part: decoder(block(residual=pre_norm(part)))),  # type: ignore[arg-type]
    "activation": (Activation, lambda part: decoder(block(feed_forward=MLP.Config(d_ff=20, activation=part)))),  # type: ignore[arg-type]
    "gate": (Activation, lambda part: decoder(block(feed_forward=GatedMLP.Config(d_ff=20, activation=part)))),  # type: ignore[arg-type]
    "feed-forward": (FeedForward.Config, lambda part: decoder(block(feed_forward=part))),
    "router": (Router.Config, lambda part: routed(part)),
    "input position": (InputPosition.Config, lambda part: decoder(block(), embedding=Embedding.Config(position=part))),  # type: ignore[arg-type]
    "attention position": (AttentionPosition.Config, in_attention("position")),
    "mechanism": (Mechanism.Config, in_attention("mechanism")),
    "query-key norm": (QKNorm.Config, in_attention("qk_norm")),
    "attention": (Attention.Config, lambda part: decoder(block(attention=part.override("mask", "Causal")))),
    "mask": (Mask, masked),
}

LATENT = LatentAttention.Config(n_heads=HEADS, kv_rank=10, nope_dim=5, rope_dim=4, value_dim=7, mask=Causal(), position=Rotary.Config())

OTHERS: dict[str, Model.Config] = {
    "post-LN": decoder(block(residual=post_norm(LayerNorm.Config()))),
    "sandwich": decoder(block(residual=sandwich_norm(RMSNorm.Config()))),
    "DeepNorm": decoder(block(residual=deep_norm(LayerNorm.Config(), 0, 2, "decoder"))),
    "normed stream": decoder(block(residual=Residual.Config(pre=LayerNorm.Config(), carry="normed", gain=0.5, skip=0.9))),
    "parallel": decoder(ParallelBlock.Config(attention=attention(), feed_forward=MLP.Config(d_ff=20), norm=LayerNorm.Config(bias=False))),
    "parallel, two norms": decoder(
        ParallelBlock.Config(attention=attention(), feed_forward=MLP.Config(d_ff=20), norm=LayerNorm.Config(), feed_forward_norm=RMSNorm.Config())
    ),
    "multi-query": decoder(block(attention=attention(n_kv_heads=1, head_dim=6))),
    "grouped, clipped": decoder(block(attention=attention(n_heads=6, n_kv_heads=2, head_dim=5, clip=0.8, qkv_bias=False))),
    "capped, sinks": decoder(block(attention=attention(mechanism=Softmax.Config(cap=2.0, sinks=True)))),
    "latent, rotary": decoder(block(attention=LATENT)),
    "latent of queries too, capped, sinks": decoder(block(attention=LATENT.override("q_rank", 9).override("mechanism", {"cap": 3.0, "sinks": True}))),
    "Performer, rotary, single key head": decoder(
        block(attention=attention(n_kv_heads=1, position=Rotary.Config(), mechanism=Performer.Config(kernel="relu")))
    ),
    "Performer by pairs": decoder(block(attention=attention(mechanism=Performer.Config(n_features=30, kernel="hyperbolic", orthogonal=False)))),
    "Performer beside softmax": decoder(block()).override("decoder.blocks", [block(), block(attention=attention(mechanism=Performer.Config()))]),
    "RFA with a gate": decoder(block(attention=attention(mechanism=RFA.Config(gate=True)))),
    "narrow table": decoder(
        block(), embedding=Embedding.Config(narrow=Narrow(dim=10), padding="skipped"), head=VocabularyHead.Config(transform=Transform.Config(bias=False))
    ),
    "normed embedding, own head": decoder(
        block(), embedding=Embedding.Config(norm=LayerNorm.Config(), scale_by_sqrt_dim=True), head=VocabularyHead.Config(tied=False, bias=True, softcap=3.0)
    ),
    "alternating": decoder(block()).override("decoder.blocks", [block(), block(attention=attention(mask=And(left=Causal(), right=Window(left=2))))]),
    "first layers of their own": decoder(block()).override("decoder.first", [block(feed_forward=GatedMLP.Config(d_ff=12))]),
}


def randomised(config: Model.Config, std: float = 0.3, seed: int = 5) -> Model:
    """The model in evaluation mode, all its parameters drawn anew."""
    torch.manual_seed(seed)
    model = config.build().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return model


__all__ = ["FIELDS", "OTHERS", "SLOTS", "block", "decoder", "encoder", "example", "randomised"]
