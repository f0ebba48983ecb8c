"""Encodings of positions as one picture: a row an encoding, two panels each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from anyformer.errors import InputError
from anyformer.inspection.picture import BLUE, FAINT, ORANGE, QUIET, draw_file
from anyformer.inspection.position_panels import Curves, Heat, Panel, panels_of
from anyformer.inspection.positions import Encoding

SIGNED = LinearSegmentedColormap.from_list("signed", ["#7a330a", ORANGE, "#f3c9a8", "#ffffff", "#a8c6e6", BLUE, "#0b2545"])
STEPS = LinearSegmentedColormap.from_list("steps", ["#f2ead9", "#8fb8de", BLUE, "#0b2545"])
ROW = 3.6  # inches
MOST_LABELS = 8  # curves that are named
MOST_LETTERS = 88


def draw_positions(encodings: Sequence[Encoding], length: int, to: str | os.PathLike[str]) -> str | None:
    """Writes `to`, a .png or an .svg; returns a note where letters are missing.

    Raises:
        InputError: another ending, no encoding, or one that cannot be drawn at this length.
    """
    if not encodings:
        raise InputError("there is nothing to draw: no part of this model is told of positions")
    rows = [(encoding.title, panels_of(encoding, length)) for encoding in encodings]
    return draw_file(lambda: _figure(rows), to, [title for title, _ in rows])


def _figure(rows: Sequence[tuple[str, tuple[Panel, Panel]]]) -> Figure:
    figure = Figure(figsize=(9.6, ROW * len(rows)), layout="constrained")
    beside = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for part, (title, panels) in zip(beside, rows, strict=True):
        part.suptitle(title if len(title) <= MOST_LETTERS else title[: MOST_LETTERS - 1] + "…", x=0.01, ha="left", fontsize=12, weight="bold")
        for axes, panel in zip(part.subplots(1, 2), panels, strict=True):
            axes.set_title(panel.title, fontsize=9.5, color=QUIET, loc="left")
            if isinstance(panel, Heat):
                _heat(axes, panel)
            else:
                _curves(axes, panel)
    return figure


def _heat(axes: Any, panel: Heat) -> None:
    values = panel.values.float().numpy()
    if panel.steps:
        image = axes.imshow(values, cmap=STEPS, aspect="auto")
    else:
        most = max(float(abs(values).max()), 1e-9)
        image = axes.imshow(values, cmap=SIGNED, norm=TwoSlopeNorm(0, -most, most), aspect="auto")
    axes.set_xlabel(panel.columns)
    axes.set_ylabel(panel.rows)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(8, integer=True))
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
    bar.ax.tick_params(length=2, labelsize=8)
    bar.outline.set_visible(False)
    bar.ax.set_ylim(min(values.min(), 0), max(values.max(), 0))  # the shades that occur
    if panel.steps:
        bar.ax.yaxis.set_major_locator(MaxNLocator(8, integer=True))


def _curves(axes: Any, panel: Curves) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    shades = LinearSegmentedColormap.from_list("heads", [ORANGE, QUIET, BLUE])
    named = len(panel.ys) <= MOST_LABELS
    for i, (label, values) in enumerate(panel.ys):
        colour = shades(i / (len(panel.ys) - 1)) if len(panel.ys) > 2 else (BLUE, ORANGE)[i]
        shown = named or i in (0, len(panel.ys) - 1)  # of many heads the first and the last
        style = "steps-mid" if panel.stairs else "default"
        axes.plot(panel.x.numpy(), values.float().numpy(), color=colour, linewidth=1.2, drawstyle=style, label=label if shown and label else None)
    if any(label for label, _ in panel.ys):
        axes.legend(frameon=False, fontsize=8, loc="best")
    axes.set_xlabel(panel.across)
    axes.set_ylabel(panel.up)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
