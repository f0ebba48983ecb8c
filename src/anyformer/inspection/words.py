"""Parts in a few words, for tables and pictures: `RMSNorm`, `32 heads x 128, 8 for keys and values`, `rotary, base 10,000`.

A part that this file does not know is named by its kind and what differs from its defaults, so that a new one is right from the start.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from anyformer.parts import activation as acts
from anyformer.parts.alibi import ALiBi
from anyformer.parts.attention import Attention, MultiHeadAttention
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.feed_forward import MLP, FeedForward, GatedMLP
from anyformer.parts.latent_attention import LatentAttention
from anyformer.parts.mask import Full, Mask
from anyformer.parts.mechanism import Softmax
from anyformer.parts.moe import MoE
from anyformer.parts.norm import LayerNorm, Norm, RMSNorm
from anyformer.parts.position import InputPosition, Learned, Sinusoidal
from anyformer.parts.relative_bias import RelativeBias
from anyformer.parts.residual import Residual
from anyformer.parts.rotary import Rotary
from anyformer.parts.shaw import Shaw
from anyformer.parts.transformer_xl import TransformerXL
from anyformer.parts.two_dimensional import TwoDimensional
from anyformer.spec import Spec

GATED = {acts.SiLU: "SwiGLU", acts.GELU: "GEGLU", acts.ReLU: "ReGLU", acts.Sigmoid: "GLU", acts.Identity: "bilinear"}


def brief(value: Any) -> str:
    """`Kind (field 3, other field)`: what differs from the defaults."""
    if not isinstance(value, Spec):
        return "none" if value is None else plain(value)
    if isinstance(value, Mask):
        return value.to_text()
    said = []
    for field in dataclasses.fields(value):  # type: ignore[arg-type]
        now, name = getattr(value, field.name), field.name.replace("_", " ")
        if now != field.default:
            said.append(name if now is True else f"no {name}" if now is False else f"{name} {brief(now)}")
    return f"{value.kind()} ({', '.join(said)})" if said else value.kind()


def plain(value: Any) -> str:
    """Numbers as people write them."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def norm(config: Norm.Config | None) -> str:
    if isinstance(config, LayerNorm.Config):
        without = [name for name, there in (("scale", config.scale), ("bias", config.bias)) if not there]
        return "LayerNorm" + (f" without {' and '.join(without)}" if without else "")
    if isinstance(config, RMSNorm.Config):
        return "RMSNorm" + (" (1 + w)" if config.plus_one else "" if config.scale else " without scale")
    return brief(config)


def activation(config: acts.Activation) -> str:
    return {"SiLU": "SiLU", "ReLU2": "squared ReLU"}.get(config.kind(), "GELU (tanh)" if config == acts.GELU(tanh=True) else brief(config))


def feed_forward(config: FeedForward.Config) -> str:
    """`MLP, GELU`, `GEGLU`, `8 experts, top 2, SwiGLU`."""
    if isinstance(config, MLP.Config):
        return f"MLP, {activation(config.activation)}"
    if isinstance(config, GatedMLP.Config):
        name = GATED.get(type(config.activation))
        return f"gated MLP, {activation(config.activation)}" + (f" ({name})" if name else "")
    if isinstance(config, MoE.Config):
        return f"{experts(config)} of {feed_forward(config.expert)}"
    return brief(config)


def experts(config: MoE.Config) -> str:
    """`8 experts, 2 for each token`."""
    chosen = config.router.experts_per_token(config.n_experts)
    return f"{config.n_experts:,} experts, {chosen:g} for each token" + ("" if config.shared is None else ", one shared")


def router(config: MoE.Config) -> str:
    said = brief(config.router)
    return said if len(said) <= 60 else config.router.kind()


def widths(config: FeedForward.Config) -> str:
    """The hidden width: `d_ff 3,072`."""
    if isinstance(config, MoE.Config):
        return f"each {widths(config.expert)}" + ("" if config.shared is None else f", shared {widths(config.shared)}")
    return f"d_ff {config.d_ff:,}" if hasattr(config, "d_ff") else widths(config.inner) if hasattr(config, "inner") else ""


def attention(config: Attention.Config) -> str:
    """`multi-head`, `grouped-query`, ..."""
    if isinstance(config, MultiHeadAttention.Config):
        keys = config.n_kv_heads or config.n_heads
        name = "multi-head" if keys == config.n_heads else "multi-query" if keys == 1 else "grouped-query"
        return name + ("" if isinstance(config.mechanism, Softmax.Config) else f", {brief(config.mechanism)}")
    return brief_kind(config)


def brief_kind(config: Spec) -> str:
    """`latent` for a LatentAttention."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in config.kind()).split()
    return " ".join(w for w in words if w != "attention")


def heads(config: Attention.Config, d_model: int) -> str:
    """`32 heads x 128, 8 for keys and values`."""
    n, width = config.heads(d_model)
    keys = getattr(config, "n_kv_heads", None) or n
    shared = "" if keys == n or n == 1 else f", {keys} for keys and values" if keys > 1 else ", one for keys and values"
    if isinstance(config, LatentAttention.Config):
        return f"{n} heads x {config.nope_dim} + {config.rope_dim}, values {config.value_dim}, latent {config.kv_rank} + {config.rope_dim} a token"
    return f"{n} head{'s' if n > 1 else ''} x {width}{shared}"


def score_extras(config: Attention.Config) -> list[str]:
    """What else happens to queries, keys and scores."""
    said = []
    if isinstance(config, MultiHeadAttention.Config):
        if config.qk_norm is not None:
            per = "each head's" if config.qk_norm.kind() == "PerHead" else "all heads'"
            said.append(f"{norm(config.qk_norm.norm)} on {per} queries and keys")
        if config.scale is not None:
            said.append("scores not scaled" if config.scale == 1 else f"scores x {config.scale:.4g}")
        if config.clip is not None:
            said.append(f"projections within {config.clip:g}")
    if isinstance(config.mechanism, Softmax.Config):
        if config.mechanism.cap is not None:
            said.append(f"scores capped at {config.mechanism.cap:g}")
        if config.mechanism.sinks:
            said.append("attention sinks")
    return said


def mask(config: Mask) -> str:
    return "" if config == Full() else config.to_text()


_POSITIONS: dict[type, Callable[[Any], str]] = {
    Sinusoidal.Config: lambda p: "sinusoidal",
    Learned.Config: lambda p: f"learned, {p.length:,} places",
    TwoDimensional.Config: lambda p: f"learned in two dimensions, {p.length:,} places",
    ALiBi.Config: lambda p: "ALiBi",
    RelativeBias.Config: lambda p: f"relative bias, {p.n_buckets} buckets up to {p.max_distance}" + (" a layer" if p.per == "layer" else ""),
    Shaw.Config: lambda p: f"relative vectors up to {p.max_distance}",
    TransformerXL.Config: lambda p: "relative (Transformer-XL)",
    Rotary.Config: lambda p: "rotary" + _rotary(p),
}


def position(config: InputPosition.Config | AttentionPosition.Config | None) -> str:
    return "none" if config is None else _POSITIONS.get(type(config), brief)(config)


def _rotary(config: Rotary.Config) -> str:
    part = f" on {config.dim} features" if config.dim is not None else f" on {100 * config.fraction:g} %" if config.fraction != 1 else ""
    scaling = "" if config.scaling is None else f", {config.scaling.kind()} scaling"
    return f"{part}, base {config.base:,.0f}{scaling}"


PLACES: dict[tuple[str, ...], str] = {
    ("pre",): "before each sublayer (pre-norm)",
    ("post",): "after each sum (post-norm)",
    ("branch",): "after each sublayer, before the sum",
    ("pre", "branch"): "before and after each sublayer (sandwich)",
}


def residual(config: Residual.Config) -> str:
    """Where the norms stand: `LayerNorm after each sum (post-norm)`."""
    there = {place: n for place in ("pre", "branch", "post") if (n := getattr(config, place)) is not None}
    kinds = set(there.values())
    if config.post is not None and config.skip != 1:
        said = f"{norm(config.post)} of {config.skip:.4g} x + f(x) (DeepNorm)"
    elif len(kinds) == 1:
        said = f"{norm(kinds.pop())} {PLACES.get(tuple(there), ' and '.join(there))}"
    else:
        said = ", ".join(f"{norm(n)} {place}" for place, n in there.items()) or "none"
    carried = ", the normed stream is carried on" if config.carry == "normed" else ""
    return said + carried + (f", branch x {config.gain:g}" if config.gain != 1 else "")


def biases(config: Any) -> str:
    """Which maps of a layer have biases."""
    maps = {"queries, keys and values": getattr(config.attention, "qkv_bias", None), "output": getattr(config.attention, "out_bias", None)}
    inner = config.feed_forward.expert if isinstance(config.feed_forward, MoE.Config) else config.feed_forward
    maps["feed-forward"] = getattr(inner, "bias", None)
    having = [name for name, there in maps.items() if there]
    return "all maps" if len(having) == sum(v is not None for v in maps.values()) else ", ".join(having) or "none"
