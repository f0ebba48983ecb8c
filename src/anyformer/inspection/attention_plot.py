"""Attention maps as pictures: a grid of layers (rows) and heads (columns), a shade a weight. All lengths are inches."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from torch import Tensor

from anyformer.inspection.attention import SIDES, AttentionMaps
from anyformer.inspection.picture import BLUE, QUIET, Picture, draw

SHADES = LinearSegmentedColormap.from_list("weights", ["#ffffff", "#d4e3f3", "#8fb8de", "#3f7fc1", BLUE, "#0b2545"])
SCALE = PowerNorm(0.6, vmin=0.0, vmax=1.0)  # small weights are many: below 1, the power keeps them visible
CELL = 0.145
PANEL_AT_LEAST, GAP, EDGE = 1.15, 0.14, 0.15
LABEL_POINTS = 7.5
MOST_LABELS = 60

TITLES = {
    "encoder": ("Encoder self-attention", "Row: a source piece. Darker: it takes in more of that source piece."),
    "decoder": ("Decoder self-attention", "Row: a piece being written. Darker: it looks more at that earlier piece."),
    "cross": ("Cross-attention", "Row: a piece being written. Darker: it looks more at that source piece."),
}


def draw_attention(maps: AttentionMaps, folder: str | os.PathLike[str]) -> dict[str, Picture]:
    """Writes `attention-encoder`, `-decoder` and `-cross`, each as .png and .svg, into `folder`; returns them by side."""
    texts = [maps.text, maps.translation, "→…", *maps.source, *maps.written]
    made = {}
    for side in SIDES:
        if maps.layers(side):
            made[side] = draw(lambda side=side: _grid(maps, side), Path(folder) / f"attention-{side}", texts)  # type: ignore[misc]
    return made


def _grid(maps: AttentionMaps, side: str) -> Figure:
    layers = maps.layers(side)
    rows, columns = ([label.replace("▁", "_") for label in labels] for labels in maps.labels(side))
    n_heads = max(len(layer) for layer in layers)
    width, height = _panel_side(len(columns)), _panel_side(len(rows))
    left, below = 0.35 + _longest(rows), 0.42 + _longest(columns)
    above, right = 1.12, 0.75
    total_width = max(7.0, left + n_heads * width + (n_heads - 1) * GAP + right)
    total_height = above + len(layers) * (height + GAP) - GAP + below
    figure = Figure(figsize=(total_width, total_height))

    def place(x: float, y: float, w: float, h: float) -> Any:
        """Axes whose upper left corner is x from the left and y from the top."""
        return figure.add_axes((x / total_width, 1 - (y + h) / total_height, w / total_width, h / total_height))

    def write(x: float, y: float, text: str, **style: Any) -> None:
        figure.text(x / total_width, 1 - y / total_height, text, va="top", **style)

    title, legend = TITLES[side]
    room = total_width - 2 * EDGE
    write(EDGE, EDGE, title, fontsize=13, weight="bold")
    write(EDGE, EDGE + 0.27, _shortened(maps.text, room, 10), fontsize=10)
    write(EDGE, EDGE + 0.45, _shortened(f"→ {maps.translation}", room, 10), fontsize=10)
    write(EDGE, total_height - 0.26, _shortened(legend, room, 8.5), fontsize=8.5, color=QUIET)
    image = None
    for i, layer in enumerate(layers):
        for head in range(len(layer)):
            axes = place(left + head * (width + GAP), above + i * (height + GAP), width, height)
            image = _panel(axes, layer[head])
            _label(axes.yaxis, rows if head == 0 else ())
            _label(axes.xaxis, columns if i == len(layers) - 1 else (), rotation=90)
            if i == 0:
                axes.set_title(f"head {head + 1}", fontsize=9, color=QUIET, pad=4)
            if head == 0:
                middle = 1 - (above + i * (height + GAP) + height / 2) / total_height
                figure.text(EDGE / total_width, middle, f"layer {i + 1}", rotation=90, va="center", fontsize=9, color=QUIET)
    bar_height = min(2.6, len(layers) * (height + GAP) - GAP)
    bar = figure.colorbar(image, cax=place(left + n_heads * (width + GAP), above, 0.13, bar_height), ticks=[0, 0.1, 0.25, 0.5, 1])  # type: ignore[arg-type]
    bar.ax.set_yticklabels(["0", ".10", ".25", ".50", "1"], fontsize=8)
    bar.ax.tick_params(length=2)
    return figure


def _panel(axes: Any, weights: Tensor) -> Any:
    return axes.imshow(weights.numpy(), cmap=SHADES, norm=SCALE, aspect="auto", interpolation="none")


def _label(axis: Any, labels: Sequence[str], **options: Any) -> None:
    """Every label while there is room, else every n-th."""
    step = -(-len(labels) // MOST_LABELS) if labels else 1
    axis.set_ticks(range(0, len(labels), step), labels=labels[::step], fontsize=LABEL_POINTS, **options)
    axis.set_tick_params(length=0, pad=2)


def _panel_side(n_pieces: int) -> float:
    return max(PANEL_AT_LEAST, CELL * min(n_pieces, MOST_LABELS))


def _longest(labels: Sequence[str]) -> float:
    return max(_columns(label) for label in labels) * _letter(LABEL_POINTS)


def _letter(points: float) -> float:
    """About the width of a letter."""
    return points / 72 * 0.6


def _columns(text: str) -> int:
    """Columns of a terminal: about how wide a text is."""
    return sum(2 if c >= "\u2e80" else 1 for c in text)


def _shortened(text: str, inches: float, points: float) -> str:
    room = int(inches / _letter(points))
    while _columns(text) > room:
        text = text[: -max(2, (len(text) - room) // 2)] + "…"
    return text
