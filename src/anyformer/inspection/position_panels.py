"""What there is to see of each encoding of positions, as numbers: two panels each. T positions, D features, N heads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from anyformer.errors import InputError
from anyformer.inspection.positions import Encoding
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.init import Normal
from anyformer.parts.place import Place
from anyformer.parts.position import InputPosition
from anyformer.parts.relative_bias import RelativeBias
from anyformer.parts.rope_scaling import plain_frequencies
from anyformer.parts.rotary import Rotary
from anyformer.parts.shaw import Shaw
from anyformer.parts.transformer_xl import TransformerXL
from anyformer.parts.two_dimensional import TwoDimensional


class Heat(NamedTuple):
    """A shade a number."""

    title: str
    values: Tensor  # [rows, columns]
    rows: str  # what the rows are, counted from 0
    columns: str
    steps: bool = False  # whole numbers that name things, rather than amounts on both sides of 0


class Curves(NamedTuple):
    title: str
    x: Tensor
    ys: Sequence[tuple[str, Tensor]]  # label, values
    across: str
    up: str
    stairs: bool = False


Panel = Heat | Curves


@torch.no_grad()
def panels_of(encoding: Encoding, length: int) -> tuple[Panel, Panel]:
    """Both panels for positions 0 .. length - 1.

    Raises:
        InputError: a table that ends before `length`, or a part for which there is no picture.
    """
    if isinstance(encoding.config, InputPosition.Config):
        return _added(encoding, length)
    index = torch.arange(length)
    place, part = Place(index, index.unsqueeze(0), None), encoding.config.build(encoding.dim, encoding.n_heads, encoding.head_dim)
    steps = torch.arange(1 - length, length)  # j - i
    if isinstance(part, Rotary):
        return _rotary(part, place)
    if isinstance(part, RelativeBias):
        bucket = part.bucket(steps)
        return Heat("bucket of each pair", _by_pair(bucket, length), "query", "key", True), _stairs("bucket by distance", steps, bucket, "bucket")
    if isinstance(part, Shaw):
        row = steps.clamp(-part.max_distance, part.max_distance)
        return Heat("vector of each pair", _by_pair(row, length), "query", "key", True), _stairs("vector by distance", steps, row, "vector")
    if isinstance(part, TransformerXL):
        sinusoid = part.sinusoid(index)
        alike = F.cosine_similarity(sinusoid[:1], sinusoid)
        return Heat("R, before the layer's map W", sinusoid, "distance i - j", "feature"), Curves(
            "R at 0 with R at a distance", index, [("", alike)], "distance i - j", "cosine"
        )
    return _bias(part, place, steps)


def _added(encoding: Encoding, length: int) -> tuple[Panel, Panel]:
    part = encoding.config.build(encoding.dim)
    held = getattr(encoding.config, "length", None)
    if held is not None and held < length:
        raise InputError(f"{encoding.title} has a table of {held} positions, not of {length}; take a length of {held}")
    torch.manual_seed(0)
    if hasattr(part, "initialize"):
        part.initialize(Normal())
    for name, table in part.named_parameters():
        if name == "weight":
            torch.nn.init.normal_(table, std=0.02)
    drawn = " (drawn at random: it is learned)" if any(True for _ in part.parameters()) else ""
    if isinstance(part, TwoDimensional):
        text, span = (table.detach()[:length] for table in (part.text, part.span))
        return Heat("place in the text" + drawn, text, "position", "feature"), Heat("place in the blank", span, "position", "feature")
    table = part(torch.arange(length).unsqueeze(0))[0]  # [T, D]
    unit = F.normalize(table, dim=-1)
    return Heat("what is added" + drawn, table, "position", "feature"), Heat("cosine of two positions", unit @ unit.t(), "position", "position")


def _rotary(part: Rotary, place: Place) -> tuple[Panel, Panel]:
    cos = part.tables(place)[0][0]  # [T, R / 2]
    ys = [("mean cosine of all pairs", cos.mean(-1))]
    if part.scaling is not None:
        plain = place.index.unsqueeze(-1) * plain_frequencies(part.base, part.width, place.index.device)
        ys.append(("without scaling", plain.cos().mean(-1)))
    return Heat("cosine of the angle", cos, "position", "pair of features, fastest first"), Curves(
        "a vector with itself, turned", place.index, ys, "distance", "product, at distance 0: 1"
    )


def _bias(part: AttentionPosition, place: Place, steps: Tensor) -> tuple[Panel, Panel]:
    bias = part.bias(place, place)
    if bias is None:
        raise InputError(f"there is no picture of {type(part).__name__}; those that have one: sinusoidal, learned, rotary, alibi, t5, shaw, transformer-xl")
    index, middle = place.index, bias.shape[1] // 2
    last = len(index) - 1
    by_step = [torch.where(steps > 0, head[0, steps.clamp(min=0)], head[last, (last + steps).clamp(max=last)]) for head in bias[0]]
    curves = [(f"head {h + 1}", values) for h, values in enumerate(by_step)]
    return Curves("bias by distance", steps, curves, "key - query", "added to the score"), Heat(
        f"bias of head {middle + 1} of {bias.shape[1]}", bias[0, middle], "query", "key"
    )


def _by_pair(values: Tensor, length: int) -> Tensor:
    """[2T - 1] by j - i from 1 - T on -> [T, T]"""
    index = torch.arange(length)
    return values[index[None, :] - index[:, None] + length - 1]


def _stairs(title: str, steps: Tensor, values: Tensor, up: str) -> Curves:
    return Curves(title, steps, [("", values)], "key - query", up, stairs=True)
