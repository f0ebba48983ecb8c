"""What becomes of the parts' own sizes at another size of the model: ratios stay, and numbers that follow from a size follow it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from anyformer.architectures.dial import Dial, Heads, NoFit, changes, even, fit, resize
from anyformer.parts.attention import Attention, MultiHeadAttention
from anyformer.parts.embedding import Narrow
from anyformer.parts.feed_forward import MLP, GatedMLP
from anyformer.parts.group_top_k import GroupTopK
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.latent_attention import LatentAttention
from anyformer.parts.mask import Mask
from anyformer.parts.moe import MoE
from anyformer.parts.performer import Performer
from anyformer.parts.position import Learned
from anyformer.parts.residual import Residual, deep_norm
from anyformer.parts.rfa import RFA
from anyformer.parts.rope_scaling import RopeScaling
from anyformer.parts.rotary import Rotary
from anyformer.parts.router import Router
from anyformer.parts.token_choice import TopK
from anyformer.parts.two_dimensional import TwoDimensional

# ---- attention


@fit.register
def _(attention: MultiHeadAttention.Config, dial: Dial) -> Heads:
    n, h = attention.heads(dial.d_model[0])
    return choose_heads(attention, n, attention.n_kv_heads or n, h, dial)


@fit.register
def _(attention: LatentAttention.Config, dial: Dial) -> Heads:
    """Its heads are as wide as their values; what positions see of them is the turned part."""
    heads = _latent_heads(attention, dial)
    turned = even(attention.rope_dim * heads.head_dim / attention.value_dim, attention.rope_dim)
    return heads._replace(head_dim=turned)


def _latent_heads(attention: LatentAttention.Config, dial: Dial) -> Heads:
    return choose_heads(dataclasses.replace(attention, position=None), attention.n_heads, attention.n_heads, attention.value_dim, dial)


def choose_heads(attention: Attention.Config, n: int, k: int, h: int, dial: Dial) -> Heads:
    """n' heads of width h' with n' h' / d_model' = n h / d_model, and n' / k' = n / k; narrower heads the narrower the model, but hardly below 16.

    Raises:
        NoFit: there are none, as d_model' has no fitting divisor.
    """
    before, after = dial.d_model
    width, liked = n * h * after / before, max(min(h, 16), h * math.sqrt(after / before))
    group = 1 if k in (1, n) else n // k
    most = max(n, math.ceil(n * after / before))
    found = []
    for new in range(group, min(most, math.ceil(width)) + 1, group):
        head = round(width / new) if h % 2 else 2 * round(width / new / 2)
        exact = n * h != before or new * head == after
        if head < 1 or (n > 1 and new == 1) or not exact:
            continue
        keys = 1 if k == 1 else new // group if k != n else new
        strain = abs(math.log2(head / liked)) + 3 * abs(new * head / width - 1) + (0.5 if keys == 1 < k else 0) + (0.5 if head < min(h, 16) else 0)
        found.append(Heads(new, keys, head, strain))
    for heads in sorted(found, key=lambda f: f.strain):
        position = attention.position and resize(attention.position, dial._replace(head=(h, heads.head_dim)))
        if position is None or not position.misfits(heads.n_heads, heads.head_dim):
            return heads
    raise NoFit


@changes.register
def _(config: MultiHeadAttention.Config, dial: Dial) -> dict[str, Any]:
    heads = fit(config, dial)
    scale = config.scale if config.scale in (None, 1.0) else config.scale * math.sqrt(dial.head[0] / dial.head[1])  # type: ignore[operator]
    return {
        "n_heads": heads.n_heads,
        "n_kv_heads": None if config.n_kv_heads is None else heads.n_kv_heads,
        "head_dim": None if config.head_dim is None else heads.head_dim,
        "scale": scale,
    }


@changes.register
def _(config: LatentAttention.Config, dial: Dial) -> dict[str, Any]:
    heads = _latent_heads(config, dial)
    ratio = heads.head_dim / config.value_dim
    widths = {name: even(getattr(config, name) * ratio, getattr(config, name)) for name in ("nope_dim", "rope_dim", "value_dim")}
    ranks = {name: None if (rank := getattr(config, name)) is None else dial.wide(rank) for name in ("kv_rank", "q_rank")}
    scale = None if config.scale is None else config.scale / math.sqrt(ratio)
    return {"n_heads": heads.n_heads, "scale": scale, **widths, **ranks}


@changes.register(Performer.Config)
@changes.register(RFA.Config)
def _(config: Performer.Config | RFA.Config, dial: Dial) -> dict[str, Any]:
    return {} if config.n_features is None else {"n_features": max(1, round(config.n_features * dial.head[1] / dial.head[0]))}


# ---- feed-forward


@changes.register(MLP.Config)
@changes.register(GatedMLP.Config)
def _(config: MLP.Config | GatedMLP.Config, dial: Dial) -> dict[str, Any]:
    return {"d_ff": max(1, round(dial.stretch * dial.wide(config.d_ff)))}


@changes.register
def _(config: MoE.Config, dial: Dial) -> dict[str, Any]:
    n = min(config.n_experts, dial.experts)
    return {} if n == config.n_experts else {"n_experts": n, "router": _router(config.router, config.n_experts, n)}


def _router(router: Router.Config, before: int, after: int) -> Router.Config:
    """A token goes to the same share of the experts, but to two where it went to several."""
    if not isinstance(router, (TopK.Config, GroupTopK.Config)):
        return router
    k = min(router.k, max(min(router.k, 2), round(router.k * after / before)))
    if isinstance(router, TopK.Config):
        return dataclasses.replace(router, k=k)
    n_groups = max(g for g in range(1, min(router.n_groups, max(1, after // 2)) + 1) if after % g == 0)
    top_groups = max(math.ceil(k * n_groups / after), round(router.top_groups * n_groups / router.n_groups))
    return dataclasses.replace(router, k=k, n_groups=n_groups, top_groups=top_groups)


# ---- embedding, positions, masks, head


@changes.register
def _(config: Narrow, dial: Dial) -> dict[str, Any]:
    return {"dim": dial.wide(config.dim)}


@changes.register
def _(config: Rotary.Config, dial: Dial) -> dict[str, Any]:
    return {} if config.dim is None else {"dim": dial.even(config.dim)}


@changes.register
def _(config: RopeScaling, dial: Dial) -> dict[str, Any]:
    fields = {f.name for f in dataclasses.fields(config)}  # type: ignore[arg-type]
    made: dict[str, Any] = {name: _spread(getattr(config, name), dial) for name in ("short_factor", "long_factor") if name in fields}
    return made | ({"trained_length": dial.long(getattr(config, "trained_length"))} if "trained_length" in fields else {})  # noqa: B009


def _spread(factors: tuple[float, ...], dial: Dial) -> tuple[float, ...]:
    """As many factors as there are pairs now, from the same range."""
    n = dial.even(2 * len(factors)) // 2
    return tuple(factors[round(i * (len(factors) - 1) / max(1, n - 1))] for i in range(n))


@changes.register
def _(config: Learned.Config, dial: Dial) -> dict[str, Any]:
    return {"length": dial.long(config.length)}


@changes.register
def _(config: TwoDimensional.Config, dial: Dial) -> dict[str, Any]:
    return {"length": dial.long(config.length), "span_length": None if config.span_length is None else dial.long(config.span_length)}


@changes.register
def _(config: Mask, dial: Dial) -> dict[str, Any]:
    """Windows, strides and blocks keep their share of the context; how many blocks there are of a kind stays."""
    fields = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}  # type: ignore[arg-type]
    found = {name: dial.long(value) for name, value in fields.items() if name in LENGTHS and isinstance(value, int) and value}
    reaches = {name: dial.long(value + 1) - 1 for name, value in fields.items() if name in ("left", "right") and isinstance(value, int) and value}
    few = {name: dial.long(value, at_least=1) for name, value in fields.items() if name in TOKENS.get(config.kind(), ()) and value}
    return found | reaches | few


LENGTHS = ("block", "stride", "length")  # in tokens
TOKENS = {"GlobalTokens": ("n",), "BlockEnds": ("n",), "Fixed": ("summary",), "BigBird": ("extra",), "LocalBlocks": ("start",), "RandomBlocks": ("start",)}


@changes.register
def _(config: VocabularyHead.Config, dial: Dial) -> dict[str, Any]:
    """1 / sqrt(d_model) stays that of the model."""
    before, after = dial.d_model
    return {"scale": after**-0.5} if math.isclose(config.scale, before**-0.5, rel_tol=1e-6) and config.scale != 1 else {}


@changes.register
def _(config: Normal, dial: Dial) -> dict[str, Any]:
    """What a map does to a vector's length, sqrt(d_model) std, stays: 0.02 at 768 and 0.006 at 7168 are about the same.

    No narrower model begins with more than the sqrt(2 / 5) of small initialisation (Nguyen and Salazar 2019), which 0.02 is at 1000: wide
    models with that std by habit begin with more, and it would go into the tables as well.
    """
    before, after = dial.d_model
    return {"std": min(config.std * math.sqrt(before / after), max(config.std, math.sqrt(2 / 5 / after)))}


# ---- residual


@changes.register
def _(config: Residual.Config, dial: Dial) -> dict[str, Any]:
    """DeepNorm's alpha and beta follow from the number of layers."""
    if config.skip == 1 and config.init_gain == 1 or config.post is None:
        return {}
    n, m = (dial.layers.get(side, (0, 0)) for side in ("encoder", "decoder"))
    for side in ("encoder", "decoder"):
        before, after = (deep_norm(config.post, n[i], m[i], side) for i in (0, 1))  # type: ignore[arg-type]
        if math.isclose(config.skip, before.skip) and math.isclose(config.init_gain, before.init_gain):
            return {"skip": after.skip, "init_gain": after.init_gain}
    twice = [2 * (n[i] + m[i]) for i in (0, 1)]  # some other power of it, such as GLM-130B's square root
    return {name: twice[1] ** (math.log(getattr(config, name)) / math.log(twice[0])) for name in ("skip", "init_gain")}
