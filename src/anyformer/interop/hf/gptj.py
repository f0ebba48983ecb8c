"""GPT-J (Wang & Komatsuzaki 2021): attention and feed-forward beside each other behind one norm, rotary positions on neighbouring features."""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf import classic
from anyformer.interop.hf.activations import read_activation
from anyformer.interop.hf.decoder import FIRST
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.gpt_neo import INERT
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import decoder_only, only
from anyformer.interop.rule import Rule
from anyformer.model.model import Model
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import ParallelBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.rotary import Rotary


def read(keys: Keys) -> Model.Config:
    d_model, n_heads = keys.take("n_embd", int), keys.take("n_head", int)
    norm = LayerNorm.Config(eps=keys.take("layer_norm_epsilon", float, 1e-5))
    keys.ignore("n_positions", "n_ctx", "scale_attn_weights")  # rows of a table of angles; always scaled
    attention = MultiHeadAttention.Config(
        n_heads=n_heads,
        mask=Causal(),
        position=Rotary.Config(dim=keys.take_or_none("rotary_dim", int, 64) or d_model // n_heads, pairing="neighbours"),
        mechanism=Softmax.Config(dropout=keys.take("attn_pdrop", float, 0.0)),
        qkv_bias=False,
        out_bias=False,
    )
    d_ff = keys.take_or_none("n_inner", int, None) or 4 * d_model
    feed_forward = MLP.Config(d_ff=d_ff, activation=read_activation(keys.take("activation_function", str, "gelu_new"), "activation_function"))
    block = ParallelBlock.Config(attention=attention, feed_forward=feed_forward, norm=norm, dropout=keys.take("resid_pdrop", float, 0.0))
    embedding = Embedding.Config(dropout=keys.take("embd_pdrop", float, 0.0))
    return classic.model(keys, d_model, [block] * keys.take("n_layer", int), norm, embedding, classic.tied(keys, False, bias=True))


def write(config: Model.Config) -> dict[str, Any]:
    _, attention, feed_forward = classic.first(config)
    block = only(decoder_only(config).layers()[0], ParallelBlock.Config, FIRST)
    position = only(attention.position, Rotary.Config, f"{FIRST}.attention.position")
    head_dim = attention.heads(config.d_model)[1]
    return {
        "vocab_size": config.vocab_size,
        "n_embd": config.d_model,
        "n_layer": decoder_only(config).n_layers,
        "n_head": attention.n_heads,
        "n_inner": feed_forward.d_ff,
        "rotary_dim": position.dim or int(position.fraction * head_dim),
        "activation_function": classic.activation_of(feed_forward),
        "layer_norm_epsilon": classic.layer_norm(block.norm, "norm").eps,
        "attn_pdrop": classic.dropout_of(attention),
        "embd_pdrop": config.embedding.dropout,
        "resid_pdrop": block.dropout,
        "tie_word_embeddings": only(config.head, VocabularyHead.Config, "head").tied,
    }


def rules(config: Model.Config) -> list[Rule]:
    layer = "transformer.h.{i}"
    names = {
        "attn.q_proj": "attention.query",
        "attn.k_proj": "attention.key",
        "attn.v_proj": "attention.value",
        "attn.out_proj": "attention.out",
        "mlp.fc_in": "feed_forward.up",
        "mlp.fc_out": "feed_forward.down",
        "ln_1": "norm",
    }
    return [
        *classic.outside("transformer.wte.weight", "lm_head", config, "transformer.ln_f"),
        *classic.layer_rules(layer, names),
        *classic.computed(f"{layer}.attn.bias", f"{layer}.attn.masked_bias", f"{layer}.attn.embed_positions"),
    ]


register(Family("gptj", ("GPTJForCausalLM",), read, write, rules, INERT, prefix="transformer"))
