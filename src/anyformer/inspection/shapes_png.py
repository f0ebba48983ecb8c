"""Shapes as a PNG, through matplotlib."""

from __future__ import annotations

import os
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle as Disc
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from anyformer.inspection.picture import MOST_PIXELS, STYLE
from anyformer.inspection.shapes import Box, Canvas, Circle, Line, Shape, Text
from anyformer.inspection.shapes_svg import EDGE, INK, LINE, MARGIN, QUIET


def to_png(canvas: Canvas, path: str | os.PathLike[str], dpi: int = 144) -> None:
    left, lower, right, upper = canvas.bounds()
    width, height = right - left + 2 * MARGIN, upper - lower + 2 * MARGIN
    with matplotlib.rc_context({**STYLE, "font.family": ["DejaVu Sans"]}):
        figure = Figure(figsize=(width / 72, height / 72))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(left - MARGIN, right + MARGIN), ylim=(lower - MARGIN, upper + MARGIN))
        axes.set_axis_off()
        for i, shape in enumerate(canvas.shapes):
            _draw(axes, shape, i)
        figure.savefig(path, format="png", dpi=min(dpi, MOST_PIXELS / max(width / 72, height / 72)), metadata={"Software": None})


def _draw(axes: Any, shape: Shape, z: int) -> None:
    if isinstance(shape, Text):
        align = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
        style = {"fontsize": 0.94 * shape.size, "ha": align, "va": "center_baseline", "zorder": z}
        axes.text(shape.x, shape.y, shape.text, weight="bold" if shape.bold else "normal", color=QUIET if shape.quiet else INK, **style)
    elif isinstance(shape, Box):
        round_ = f"round,pad=0,rounding_size={shape.round}"
        made = FancyBboxPatch((shape.x, shape.y), shape.width, shape.height, round_, facecolor=shape.fill, edgecolor=EDGE if shape.edge else "none", zorder=z)
        axes.add_patch(made)
    elif isinstance(shape, Circle):
        _circle(axes, shape, z)
    else:
        _line(axes, shape, z)


def _line(axes: Any, line: Line, z: int) -> None:
    xs, ys = zip(*line.points, strict=True)
    axes.plot(xs, ys, color=LINE, linewidth=1.2, zorder=z, solid_joinstyle="round")
    if line.arrow:
        axes.add_patch(
            FancyArrowPatch(line.points[-2], line.points[-1], arrowstyle="-|>", mutation_scale=9, color=LINE, linewidth=0, shrinkA=0, shrinkB=0, zorder=z)
        )


def _circle(axes: Any, shape: Circle, z: int) -> None:
    r = shape.radius
    axes.add_patch(Disc((shape.x, shape.y), r, facecolor="#ffffff", edgecolor=LINE, linewidth=1.2, zorder=z))
    if shape.sign == "plus":
        axes.plot([shape.x - r, shape.x + r], [shape.y, shape.y], color=LINE, linewidth=1.2, zorder=z)
        axes.plot([shape.x, shape.x], [shape.y - r, shape.y + r], color=LINE, linewidth=1.2, zorder=z)
    else:
        at = np.linspace(-1, 1, 60)
        axes.plot(shape.x + r * at, shape.y - 0.55 * r * np.sin(np.pi * at), color=LINE, linewidth=1.2, zorder=z)
