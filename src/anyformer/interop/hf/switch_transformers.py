"""Switch Transformer (Fedus et al. 2021): T5 1.0 with one of many experts in some layers, or in none.

transformers counts padding towards an expert's capacity, wherever it stands; here it takes no place. Where nothing is dropped there is no difference.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf import t5
from anyformer.interop.hf.activations import read_activation, write_activation
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.layers import pattern
from anyformer.interop.hf.shape import only
from anyformer.interop.ops import Stacked
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.block import TransformerBlock
from anyformer.parts.capacity import FixedCapacity
from anyformer.parts.feed_forward import MLP, FeedForward
from anyformer.parts.head import VocabularyHead
from anyformer.parts.moe import MoE
from anyformer.parts.token_choice import Switch


def read(keys: Keys) -> Model.Config:
    tied = keys.take("tie_word_embeddings", bool, True)
    head = VocabularyHead.Config(tied=tied, scale=keys.take("d_model", int, 768) ** -0.5 if tied else 1.0)
    activation = read_activation(keys.take("dense_act_fn", str, "relu"), "dense_act_fn")
    plain = MLP.Config(d_ff=keys.take("d_ff", int, 2048), activation=activation, bias=False, dropout=keys.take("dropout_rate", float, 0.1))
    config = t5.read_stacks(keys, head, plain)
    keys.expect("router_dtype", "float32")
    keys.expect("router_ignore_padding_tokens", False, True)  # not read by their class
    assert config.encoder is not None and config.decoder is not None
    sparse = {"encoder": _sparse(keys, "encoder", config.encoder.n_layers), "decoder": _sparse(keys, "decoder", config.decoder.n_layers)}
    if not any(sparse["encoder"] + sparse["decoder"]):
        keys.ignore("num_experts", "expert_capacity", "router_bias", "router_jitter_noise", "router_aux_loss_coef", "router_z_loss_coef")
        return config
    router = Switch.Config(
        capacity=FixedCapacity(tokens=keys.take("expert_capacity", int, 64)),
        jitter=keys.take("router_jitter_noise", float, 0.01),
        bias=keys.take("router_bias", bool, False),
        balance_loss=keys.take("router_aux_loss_coef", float, 0.001),
        z_loss=keys.take("router_z_loss_coef", float, 0.001),
    )
    experts = MoE.Config(expert=plain, n_experts=keys.take("num_experts", int, 8), router=router)
    return replace(config, encoder=_with_experts(config.encoder, sparse["encoder"], experts), decoder=_with_experts(config.decoder, sparse["decoder"], experts))


def _sparse(keys: Keys, side: str, n_layers: int) -> list[bool]:
    """Which layers have experts: every step-th, the second of each step, or all where the step is 1. More of them than there are layers: none."""
    sparse = keys.take(f"num_sparse_{side}_layers", int, 3)
    step = n_layers // sparse if sparse > 0 else n_layers
    if keys.take(f"{side}_sparse_step", int, step) != step:
        raise ConversionError(Problem(f"{side}_sparse_step", f"is not {n_layers} layers by {sparse} of them with experts, {step}"))
    return [step > 0 and (i % step == 1 or step == 1) for i in range(n_layers)]


def _with_experts(stack: Stack.Config, sparse: list[bool], experts: MoE.Config) -> Stack.Config:
    dense = only(stack.blocks[0], TransformerBlock.Config, "blocks.0")
    routed = replace(dense, feed_forward=experts)
    return replace(stack, blocks=pattern([routed if has else dense for has in sparse]))


def write(config: Model.Config) -> dict[str, Any]:
    moe = _experts(config)
    expert = only(_feed_forwards(config)[0] if moe is None else moe.expert, MLP.Config, "encoder.layers.1.feed_forward.expert")
    said = t5.write_stacks(replace(config, encoder=_dense(config.encoder, expert), decoder=_dense(config.decoder, expert)))
    said.pop("feed_forward_proj")
    return {
        **said,
        "dense_act_fn": write_activation(expert.activation),
        "tie_word_embeddings": only(config.head, VocabularyHead.Config, "head").tied,
        **{f"num_sparse_{side}_layers": _count(stack) for side, stack in _stacks(config)},
        **({} if moe is None else _write_experts(moe)),
    }


def _write_experts(moe: MoE.Config) -> dict[str, Any]:
    router = only(moe.router, Switch.Config, "encoder.layers.1.feed_forward.router")
    return {
        "num_experts": moe.n_experts,
        "expert_capacity": only(router.capacity, FixedCapacity, "encoder.layers.1.feed_forward.router.capacity").tokens,
        "router_bias": router.bias,
        "router_jitter_noise": router.jitter,
        "router_aux_loss_coef": router.balance_loss,
        "router_z_loss_coef": router.z_loss,
    }


def _count(stack: Stack.Config) -> int:
    """What their class is to be told so that it makes this many layers with experts: told 0 it makes one, told more than it can have it makes none."""
    return sum(isinstance(b.feed_forward, MoE.Config) for b in stack.layers()) or stack.n_layers + 1


def _experts(config: Model.Config) -> MoE.Config | None:
    """Of the first layer that has some; None where all are dense."""
    return next((f for f in _feed_forwards(config) if isinstance(f, MoE.Config)), None)


def _feed_forwards(config: Model.Config) -> list[FeedForward.Config]:
    return [block.feed_forward for _, stack in _stacks(config) for block in stack.layers()]


def _stacks(config: Model.Config) -> list[tuple[str, Stack.Config]]:
    return [(side, only(getattr(config, side), Stack.Config, side)) for side in ("encoder", "decoder")]


def _dense(stack: Stack.Config | None, plain: MLP.Config) -> Stack.Config:
    """The stack as T5 would have it: what is said of its layers but for their experts."""
    stack = only(stack, Stack.Config, "encoder")
    return replace(stack, blocks=tuple(replace(b, feed_forward=plain) for b in stack.layers()))  # type: ignore[type-var]


def rules(config: Model.Config) -> list[Rule]:
    moe = _experts(config)
    found = [*t5.model_rules(config), *t5.layer_rules()]
    for side, n in t5.SUBLAYERS:
        theirs, ours = f"{side}.block.{{i}}.layer.{n}.mlp", f"{side}.layers.{{i}}.feed_forward"
        for name, mine in (("wi", "up"), ("wo", "down")):
            found.append(rule(f"{theirs}.{name}.weight", f"{ours}.{mine}.weight"))
            if moe is not None:
                found.append(rule(f"{theirs}.experts.expert_{{e}}.{name}.weight", f"{ours}.experts.{mine}.weight", Stacked(moe.n_experts)))
        found.append(rule(f"{theirs}.router.classifier.{{p}}", f"{ours}.router.{{p}}"))
    return found


INERT = t5.INERT | {"add_router_probs", "feed_forward_proj", "is_gated_act", "batch_prioritized_routing", "num_selected_experts", "router_type", "use_router"}

register(Family("switch_transformers", ("SwitchTransformersForConditionalGeneration",), read, write, rules, INERT))
