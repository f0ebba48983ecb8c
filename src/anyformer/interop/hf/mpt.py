"""MPT (MosaicML 2023): ALiBi, LayerNorm without bias, no biases anywhere.

transformers 5.23 reads `alibi_bias_max` and builds its slopes with 8 all the same. The key is obeyed here, as in MosaicML's code.
"""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf import classic
from anyformer.interop.hf.decoder import FIRST
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import INERT as KEYS_OF_ALL
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import decoder_only, only
from anyformer.interop.ops import Fused
from anyformer.interop.rule import Rule
from anyformer.model.model import Model
from anyformer.parts.activation import GELU
from anyformer.parts.alibi import ALiBi
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.residual import pre_norm


def read(keys: Keys) -> Model.Config:
    d_model = keys.take("d_model", int)
    norm = LayerNorm.Config(eps=keys.take("layer_norm_epsilon", float, 1e-5), bias=False)
    inner = keys.within("attn_config") or Keys({})
    inner.expect("attn_type", "multihead_attention")
    inner.expect("alibi", True)
    for name in ("prefix_lm", "qk_ln", "attn_uses_sequence_id"):
        inner.expect(name, False)
    inner.ignore("attn_impl", *KEYS_OF_ALL)
    keys.expect("logit_scale", None)
    keys.ignore("expansion_ratio", "learned_pos_emb", "max_seq_len")  # their class has 4 d_model, and ALiBi, whatever these say
    dropout = inner.take("attn_pdrop", float, 0.0)
    attention = MultiHeadAttention.Config(
        n_heads=keys.take("n_heads", int),
        mask=Causal(),
        position=ALiBi.Config(bias_max=inner.take("alibi_bias_max", float, 8.0)),
        mechanism=Softmax.Config(dropout=dropout),
        scale=inner.take_or_none("softmax_scale", float, None),
        qkv_bias=False,
        out_bias=False,
        clip=inner.take_or_none("clip_qkv", float, None) or None,
    )
    feed_forward = MLP.Config(d_ff=4 * d_model, activation=GELU(), bias=False)
    block = TransformerBlock.Config(attention=attention, feed_forward=feed_forward, residual=pre_norm(norm, dropout=dropout))
    return classic.model(keys, d_model, [block] * keys.take("n_layers", int), norm, Embedding.Config(), classic.tied(keys))


def write(config: Model.Config) -> dict[str, Any]:
    block, attention, _ = classic.first(config)
    position = only(attention.position, ALiBi.Config, f"{FIRST}.attention.position")
    return {
        "vocab_size": config.vocab_size,
        "d_model": config.d_model,
        "n_layers": decoder_only(config).n_layers,
        "n_heads": attention.n_heads,
        "layer_norm_epsilon": classic.layer_norm(block.residual.pre, "residual.pre").eps,
        "attn_config": {
            "alibi": True,
            "alibi_bias_max": int(position.bias_max),
            "softmax_scale": attention.scale,
            "clip_qkv": attention.clip,
        },
        "tie_word_embeddings": classic.is_tied(config),
    }


def rules(config: Model.Config) -> list[Rule]:
    layer, d = "transformer.blocks.{i}", config.d_model
    names = {
        "attn.out_proj": "attention.out",
        "ffn.up_proj": "feed_forward.up",
        "ffn.down_proj": "feed_forward.down",
        "norm_1": "attention_residual.pre",
        "norm_2": "feed_forward_residual.pre",
    }
    return [
        *classic.outside("transformer.wte.weight", "lm_head", config, "transformer.norm_f"),
        classic.joined(f"{layer}.attn.Wqkv", Fused((d, d, d))),
        *classic.layer_rules(layer, names),
    ]


INERT = frozenset({"no_bias", "norm_type", "init_device", "init_config", "emb_pdrop", "resid_pdrop", "embedding_fraction", "verbose", "tokenizer_name"})

register(Family("mpt", ("MptForCausalLM",), read, write, rules, INERT, prefix="transformer"))
