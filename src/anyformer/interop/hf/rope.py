"""Rotary positions in config.json: `rope_parameters` (transformers 5), or `rope_theta`, `rope_scaling` and `partial_rotary_factor` (before)."""

from __future__ import annotations

from typing import Any

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import only
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.rope_by_pair import Llama3, LongRoPE, YaRN
from anyformer.parts.rope_scaling import DynamicNTK, Linear, RopeScaling
from anyformer.parts.rotary import Rotary
from anyformer.parts.rotation import Pairing

PATH = "decoder.layers.0.attention.position"
_NAMES: dict[type, str] = {Linear: "linear", DynamicNTK: "dynamic", Llama3: "llama3", YaRN: "yarn", LongRoPE: "longrope"}


def read_rope(
    keys: Keys,
    *,
    theta: float = 10000.0,
    fraction: float | None = None,
    pairing: Pairing = "halves",
    max_length: int = 2048,
    source: Keys | None = None,
    theta_key: str = "rope_theta",
) -> Rotary.Config:
    """The rotary positions of a config.

    Args:
        theta, max_length: the class's defaults for `rope_theta` and `max_position_embeddings`.
        fraction: the class's default for `partial_rotary_factor`; None: it always turns whole heads.
        source: where the parameters stand; None: in `rope_scaling` or `rope_parameters`.
        theta_key: what the base was called before there were rope_parameters.
    """
    length = keys.take("max_position_embeddings", int, max_length)
    if source is None:
        source = next((part for name in ("rope_scaling", "rope_parameters") if (part := keys.within(name)) and part.data), Keys({}))
    base = source.take("rope_theta", float, keys.take(theta_key, float, theta))
    share = source.take("partial_rotary_factor", float, keys.take("partial_rotary_factor", float, 1.0 if fraction is None else fraction))
    if fraction is None and share != 1:
        raise ConversionError(Problem("partial_rotary_factor", f"is {share}; this family turns whole heads"))
    name = source.take("rope_type", str, source.take("type", str, "default"))
    return Rotary.Config(base=base, fraction=share, pairing=pairing, scaling=_read_scaling(name, source, keys, length))


def _read_scaling(name: str, source: Keys, keys: Keys, length: int) -> RopeScaling | None:
    if name == "default":
        return None
    if name == "linear":
        return Linear(factor=source.take("factor", float))
    if name == "dynamic":
        return DynamicNTK(factor=source.take("factor", float), trained_length=length)
    trained = keys.take("original_max_position_embeddings", int, source.take("original_max_position_embeddings", int, length))
    if name == "llama3":
        given = {field: source.take(field, float) for field in ("factor", "low_freq_factor", "high_freq_factor")}
        return Llama3(trained_length=trained, **given)
    factor = source.take("factor", float, length / trained)
    gain = source.take("attention_factor", float, None)
    if name == "yarn":
        return YaRN(
            factor=factor,
            trained_length=trained,
            beta_fast=source.take("beta_fast", float, 32.0),
            beta_slow=source.take("beta_slow", float, 1.0),
            attention_factor=gain,
            mscale=source.take("mscale", float, None),
            mscale_all_dim=source.take("mscale_all_dim", float, None),
            truncate=source.take("truncate", bool, True),
        )
    if name in ("longrope", "su"):
        lists = {field: source.take(field, tuple[float, ...]) for field in ("short_factor", "long_factor")}
        return LongRoPE(trained_length=trained, factor=max(factor, 1.0), attention_factor=gain, **lists)
    raise ConversionError(Problem("rope_parameters.rope_type", f"is '{name}', which is not supported; known: default, linear, dynamic, yarn, llama3, longrope"))


def write_rope(position: AttentionPosition.Config | None, head_dim: int, *, partial: bool = False, max_length: int = 2048) -> dict[str, Any]:
    """`rope_parameters` and `max_position_embeddings`, `max_length` where the positions do not say.

    Args:
        partial: the family can turn a part of each head.
    Raises:
        ConversionError: other positions, or a scaling that transformers does not have.
    """
    rotary = only(position, Rotary.Config, PATH)
    said: dict[str, Any] = {"rope_type": "default", "rope_theta": rotary.base}
    width, scaling = rotary.width(head_dim), rotary.scaling
    if partial:
        share = rotary.fraction if rotary.dim is None else width / head_dim
        said["partial_rotary_factor"] = share if int(head_dim * share) == width else (width + 0.5) / head_dim
    elif width != head_dim:
        raise ConversionError(Problem(f"{PATH}.dim", f"turns {width} of {head_dim} features; it can only turn whole heads"))
    if scaling is not None:
        if type(scaling) not in _NAMES:
            known = ", ".join(kind.__name__ for kind in _NAMES)
            raise ConversionError(Problem(f"{PATH}.scaling", f"is {scaling.kind()}; it can only be one of {known}"))
        fields = {k: v for k, v in scaling.to_dict().items() if k not in ("kind", "trained_length") and v is not None}
        said |= {"rope_type": _NAMES[type(scaling)], **fields}
    if isinstance(scaling, DynamicNTK):
        max_length = scaling.trained_length
    elif isinstance(scaling, (Llama3, YaRN, LongRoPE)):
        said["original_max_position_embeddings"] = scaling.trained_length
        max_length = int(scaling.trained_length * scaling.factor)
    return {"rope_parameters": said, "max_position_embeddings": max_length}
