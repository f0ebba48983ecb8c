"""The names of tensors that LLaMA and its descendants share."""

from __future__ import annotations

from anyformer.interop.hf.shape import only
from anyformer.interop.rule import Rule, rule
from anyformer.interop.surplus import Dropped, Same
from anyformer.model.model import Model
from anyformer.parts.head import VocabularyHead

THEIRS, OURS = "model.layers.{i}", "decoder.layers.{i}"


def model_rules(config: Model.Config) -> list[Rule]:
    """What stands outside the layers."""
    tied = only(config.head, VocabularyHead.Config, "head").tied
    return [
        rule("model.embed_tokens.weight", "embedding.weight"),
        rule("model.norm.weight", "decoder.final_norm.weight"),
        rule(("lm_head.weight", "model.embed_tokens.weight"), op=Same()) if tied else rule("lm_head.weight", "head.weight"),
        rule(f"{THEIRS}.self_attn.rotary_emb.inv_freq", op=Dropped("rotary frequencies are computed")),
    ]


def attention_rules() -> list[Rule]:
    names = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "out"}
    norms = {"q_norm": "query_norm", "k_norm": "key_norm"}
    return [rule(f"{THEIRS}.self_attn.{theirs}.{{p}}", f"{OURS}.attention.{ours}.{{p}}") for theirs, ours in names.items()] + [
        rule(f"{THEIRS}.self_attn.{theirs}.weight", f"{OURS}.attention.{ours}.norm.weight") for theirs, ours in norms.items()
    ]


def feed_forward_rules() -> list[Rule]:
    return [rule(f"{THEIRS}.mlp.{name}_proj.{{p}}", f"{OURS}.feed_forward.{name}.{{p}}") for name in ("gate", "up", "down")]


def norm_rules(names: dict[str, str]) -> list[Rule]:
    """`names`: theirs -> ours, of the norms in a layer."""
    return [rule(f"{THEIRS}.{theirs}.weight", f"{OURS}.{ours}.weight") for theirs, ours in names.items()]


PRE_NORM = {"input_layernorm": "attention_residual.pre", "post_attention_layernorm": "feed_forward_residual.pre"}
