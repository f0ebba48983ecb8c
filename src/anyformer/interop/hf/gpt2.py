"""GPT (Radford et al. 2018) and GPT-2 (Radford et al. 2019): learned positions, one map for query, key and value, matrices stored transposed."""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf import classic
from anyformer.interop.hf.activations import read_activation
from anyformer.interop.hf.decoder import FIRST
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import decoder_only, only
from anyformer.interop.ops import Fused, Transposed
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned
from anyformer.parts.residual import post_norm, pre_norm

# ---- GPT-2


def read(keys: Keys) -> Model.Config:
    keys.expect("add_cross_attention", False)
    keys.ignore("reorder_and_upcast_attn")  # the same products in another order
    d_model, n_heads = keys.take("n_embd", int), keys.take("n_head", int)
    norm = LayerNorm.Config(eps=keys.take("layer_norm_epsilon", float, 1e-5))
    scaled, by_layer = keys.take("scale_attn_weights", bool, True), keys.take("scale_attn_by_inverse_layer_idx", bool, False)

    def block(i: int) -> TransformerBlock.Config:
        scale = (max(d_model // n_heads, 1) ** -0.5 if scaled else 1.0) / (i + 1 if by_layer else 1)
        return TransformerBlock.Config(
            attention=_read_attention(keys, n_heads, scale),
            feed_forward=MLP.Config(
                d_ff=keys.take_or_none("n_inner", int, None) or 4 * d_model,
                activation=read_activation(keys.take("activation_function", str, "gelu_new"), "activation_function"),
            ),
            residual=pre_norm(norm, dropout=keys.take("resid_pdrop", float, 0.1)),
        )

    blocks = [block(i) for i in range(keys.take("n_layer", int))]
    return classic.model(keys, d_model, blocks, norm, _read_embedding(keys, 1024), classic.tied(keys))


def _read_attention(keys: Keys, n_heads: int, scale: float | None) -> MultiHeadAttention.Config:
    mechanism = Softmax.Config(dropout=keys.take("attn_pdrop", float, 0.1))
    return MultiHeadAttention.Config(n_heads=n_heads, mask=Causal(), scale=scale, mechanism=mechanism)


def _read_embedding(keys: Keys, length: int) -> Embedding.Config:
    keys.ignore("n_ctx")  # the same number, in older files
    return Embedding.Config(position=Learned.Config(length=keys.take("n_positions", int, length)), dropout=keys.take("embd_pdrop", float, 0.1))


def write(config: Model.Config) -> dict[str, Any]:
    block, attention, feed_forward = classic.first(config)
    scales = [b.attention.scale for b in decoder_only(config).layers() if isinstance(b.attention, MultiHeadAttention.Config)]
    plain = attention.heads(config.d_model)[1] ** -0.5
    by_layer = len(scales) > 1 and scales[1] is not None and scales[1] == (scales[0] or plain) / 2
    return {
        **_write(config, block, attention),
        "n_inner": feed_forward.d_ff,
        "activation_function": classic.activation_of(feed_forward),
        "layer_norm_epsilon": classic.layer_norm(block.residual.pre, "residual.pre").eps,
        "scale_attn_weights": attention.scale in (None, plain),
        "scale_attn_by_inverse_layer_idx": by_layer,
    }


def _write(config: Model.Config, block: TransformerBlock.Config, attention: MultiHeadAttention.Config) -> dict[str, Any]:
    return {
        "vocab_size": config.vocab_size,
        "n_embd": config.d_model,
        "n_layer": decoder_only(config).n_layers,
        "n_head": attention.n_heads,
        "n_positions": only(config.embedding.position, Learned.Config, "embedding.position").length,
        "attn_pdrop": classic.dropout_of(attention),
        "embd_pdrop": config.embedding.dropout,
        "resid_pdrop": only(block, TransformerBlock.Config, FIRST).residual.dropout,
        "tie_word_embeddings": classic.is_tied(config),
    }


def rules(config: Model.Config) -> list[Rule]:
    return [
        *classic.outside("transformer.wte.weight", "lm_head", config, "transformer.ln_f"),
        rule("transformer.wpe.weight", "embedding.position.weight"),
        *_layers(config, "pre"),
    ]


def _layers(config: Model.Config, norms: str) -> list[Rule]:
    layer, d = "transformer.h.{i}", config.d_model
    return [
        classic.joined(f"{layer}.attn.c_attn", Transposed() >> Fused((d, d, d))),
        *classic.layer_rules(layer, {"attn.c_proj": "attention.out", "mlp.c_fc": "feed_forward.up", "mlp.c_proj": "feed_forward.down"}, Transposed()),
        *classic.layer_rules(layer, {"ln_1": f"attention_residual.{norms}", "ln_2": f"feed_forward_residual.{norms}"}),
        *classic.computed(f"{layer}.attn.bias", f"{layer}.attn.masked_bias"),
    ]


INERT = frozenset({f"summary_{what}" for what in ("type", "use_proj", "activation", "proj_to_labels", "first_dropout")})  # of a head for choices

register(Family("gpt2", ("GPT2LMHeadModel",), read, write, rules, INERT, prefix="transformer"))


# ---- GPT: norms after each sublayer, none at the end


def read_first(keys: Keys) -> Model.Config:
    d_model, norm = keys.take("n_embd", int), LayerNorm.Config(eps=keys.take("layer_norm_epsilon", float, 1e-5))
    name = keys.take("afn", str, "gelu")
    block = TransformerBlock.Config(
        attention=_read_attention(keys, keys.take("n_head", int), None),
        feed_forward=MLP.Config(d_ff=4 * d_model, activation=GELU(tanh=True) if name == "gelu" else read_activation(name, "afn")),  # its gelu is tanh's
        residual=post_norm(norm, dropout=keys.take("resid_pdrop", float, 0.1)),
    )
    keys.ignore("predict_special_tokens", "n_special")
    return classic.model(keys, d_model, [block] * keys.take("n_layer", int), None, _read_embedding(keys, 512), classic.tied(keys))


def write_first(config: Model.Config) -> dict[str, Any]:
    block, attention, feed_forward = classic.first(config)
    name = classic.activation_of(feed_forward)
    return {
        **_write(config, block, attention),
        "afn": "gelu" if name == "gelu_new" else name,
        "layer_norm_epsilon": classic.layer_norm(block.residual.post, "residual.post").eps,
    }


def rules_first(config: Model.Config) -> list[Rule]:
    return [
        *classic.outside("transformer.tokens_embed.weight", "lm_head", config),
        rule("transformer.positions_embed.weight", "embedding.position.weight"),
        *classic.computed("transformer.position_ids"),
        *_layers(config, "post"),
    ]


register(Family("openai-gpt", ("OpenAIGPTLMHeadModel",), read_first, write_first, rules_first, INERT, prefix="transformer"))
