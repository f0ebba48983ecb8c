"""What stands in the boxes of a block diagram: titles as in the papers, and the numbers of this config."""

from __future__ import annotations

from anyformer.inspection import words
from anyformer.inspection.shapes import wrapped
from anyformer.parts.attention import Attention, MultiHeadAttention
from anyformer.parts.feed_forward import MLP, FeedForward, GatedMLP
from anyformer.parts.mask import Causal, Full
from anyformer.parts.moe import MoE
from anyformer.parts.norm import Norm

PAD = 14.0  # between a text and the edges of its box


def norm(config: Norm.Config) -> str:
    return words.norm(config)


def attention(config: Attention.Config, d_model: int, masked: bool, width: float) -> tuple[str, list[str]]:
    """(title, details): `Masked Multi-Head Attention`, heads, mask, positions and what else there is."""
    causal = masked and config.mask.extent(range(1), range(1, 2)) == "none"
    kind = words.attention(config).split(",")[0]
    name = "-".join(part.capitalize() for part in kind.split("-")) + " Attention"
    details = [_heads(config, d_model)]
    if config.mask not in (Full(), Causal()):
        details.append(config.mask.to_text())
    if config.position is not None:
        details.append(words.position(config.position))
    if isinstance(config, MultiHeadAttention.Config) and config.qk_norm is not None:
        details.append(f"{norm(config.qk_norm.norm)} on Q and K")
    details += [extra for extra in words.score_extras(config) if not extra.endswith("queries and keys")]
    return ("Masked " if causal else "") + name, _lines(details, width)


def _heads(config: Attention.Config, d_model: int) -> str:
    """`32 heads × 128, 8 KV heads`."""
    if not isinstance(config, MultiHeadAttention.Config):
        return words.heads(config, d_model).replace(" x ", " × ")
    n, width = config.heads(d_model)
    keys = config.n_kv_heads or n
    return f"{n} head{'s' if n > 1 else ''} × {width}" + ("" if keys == n else f", {keys} KV head{'s' if keys > 1 else ''}")


def feed_forward(config: FeedForward.Config, d_model: int, width: float) -> tuple[str, list[str]]:
    """(title, details): `Feed Forward`, widths and activation."""
    if isinstance(config, MoE.Config):
        each = f"each {_widths(config.expert, d_model)}"
        shared = [f"shared {_widths(config.shared, d_model)}"] if config.shared is not None else []
        return "Mixture of Experts", _lines([words.experts(config), each, *shared, f"router: {config.router.kind()}"], width)
    title = "Gated Feed Forward" if isinstance(config, GatedMLP.Config) else "Feed Forward"
    return title, _lines([_widths(config, d_model)], width)


def _widths(config: FeedForward.Config, d_model: int) -> str:
    if isinstance(config, (MLP.Config, GatedMLP.Config)):
        name = words.GATED.get(type(config.activation)) if isinstance(config, GatedMLP.Config) else None
        return f"{d_model:,} → {config.d_ff:,} → {d_model:,}, {name or words.activation(config.activation)}"
    return words.brief(config)


def _lines(details: list[str], width: float) -> list[str]:
    return [line for detail in details for line in wrapped(detail, width - 2 * PAD)]
