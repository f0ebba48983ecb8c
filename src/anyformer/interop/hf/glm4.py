"""GLM-4-0414: GLM with a norm behind each sublayer too."""

from __future__ import annotations

from anyformer.interop.hf import decoder_names, glm
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.rule import Rule
from anyformer.model.model import Model

NORMS = {
    "input_layernorm": "attention_residual.pre",
    "post_self_attn_layernorm": "attention_residual.branch",
    "post_attention_layernorm": "feed_forward_residual.pre",
    "post_mlp_layernorm": "feed_forward_residual.branch",
}


def read(keys: Keys) -> Model.Config:
    return glm.read_with(keys, sandwich=True)


def rules(config: Model.Config) -> list[Rule]:
    return [*decoder_names.model_rules(config), *decoder_names.attention_rules(), *glm.gate_up_rules(config), *decoder_names.norm_rules(NORMS)]


register(Family("glm4", ("Glm4ForCausalLM",), read, glm.write, rules))
