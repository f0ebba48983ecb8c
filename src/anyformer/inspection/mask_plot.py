"""Masks as a picture: a panel for each, a dot for each pair that is seen."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from anyformer.inspection.masks import SeenPairs, pooled
from anyformer.inspection.picture import BLUE, FAINT, QUIET, draw_file

SHADES = LinearSegmentedColormap.from_list("seen", ["#ffffff", BLUE])
PANEL = 4.6  # inches
BESIDE = 3  # panels in a row
MOST_DOTS = 1024  # of a side; longer texts are drawn in squares of tokens
GRID_UP_TO = 96  # tokens that are told apart by lines
LETTERS = 52  # of a line over a panel


def draw_masks(masks: Sequence[SeenPairs], to: str | os.PathLike[str]) -> str | None:
    """Writes `to`, a .png or an .svg; returns a note where letters are missing.

    Raises:
        InputError: another ending.
    """
    return draw_file(lambda: _figure(masks), to, [mask.title for mask in masks])


def _figure(masks: Sequence[SeenPairs]) -> Figure:
    columns = min(BESIDE, len(masks))
    rows = -(-len(masks) // columns)
    figure = Figure(figsize=(PANEL * columns, (PANEL + 0.5) * rows), layout="constrained")
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        if place < len(masks):
            _panel(axes, masks[place])
        else:
            axes.set_axis_off()
    return figure


def _panel(axes: Any, seen: SeenPairs) -> None:
    n_q, n_k = seen.table.shape
    each = -(-n_k // MOST_DOTS)
    axes.imshow(pooled(seen.table, each).numpy(), cmap=SHADES, vmin=0, vmax=1, extent=(0, n_k, n_q, 0), interpolation="none")
    above = [*textwrap.wrap(seen.where, LETTERS), *textwrap.wrap(seen.mask.to_text(), LETTERS, max_lines=3, placeholder=" …")]
    axes.set_title("\n".join(above), fontsize=9.5, loc="left")
    axes.set_xlabel(f"key\n{seen.line}", color=QUIET, fontsize=8.5)
    axes.set_ylabel("query", color=QUIET, fontsize=8.5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(8, integer=True))
        axis.set_tick_params(length=2, labelsize=7.5)
    if n_k <= GRID_UP_TO:
        axes.hlines(range(n_q + 1), 0, n_k, color=FAINT, linewidth=0.35)
        axes.vlines(range(n_k + 1), 0, n_q, color=FAINT, linewidth=0.35)
