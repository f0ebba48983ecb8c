"""One figure as files: a PNG, and an SVG whose text stays text."""

from __future__ import annotations

import contextlib
import io
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib
from matplotlib.figure import Figure

from anyformer.errors import InputError
from anyformer.inspection.fonts import Fonts, fonts_for

INK, QUIET, FAINT = "#1b1f24", "#5d6670", "#d9dde2"
BLUE, ORANGE = "#1f5fa8", "#d0601a"
MOST_PIXELS = 9_000  # of the longer side

STYLE = {
    "svg.fonttype": "none",  # text, not outlines
    "svg.hashsalt": "anyformer",  # the same picture is the same file
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.unicode_minus": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.parse_math": False,  # a dollar sign is a dollar sign
}


class Picture(NamedTuple):
    """Files that were written. `note` says what the PNG lacks, and which font to install."""

    png: Path
    svg: Path
    note: str | None = None


def draw(make: Callable[[], Figure], to: str | os.PathLike[str], texts: Iterable[str], dpi: int = 160) -> Picture:
    """Makes a figure and writes `<to>.png` and `<to>.svg`; no setting of matplotlib is changed for anybody else.

    Args:
        texts: everything written in it that is not plain ASCII, to find fonts for.
    """
    fonts = fonts_for(texts)
    stem = Path(to)
    picture = Picture(stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".svg"), fonts.note)
    with _style(fonts):
        figure = make()
        for path in (picture.png, picture.svg):
            _write(figure, path, dpi)
    return picture


def draw_file(make: Callable[[], Figure], to: str | os.PathLike[str], texts: Iterable[str], dpi: int = 160) -> str | None:
    """Makes a figure and writes it to `to`, a .png or an .svg by its ending; returns the note on missing letters, if any (as `draw`).

    Raises:
        InputError: another ending.
    """
    path = Path(to)
    if path.suffix.lower() not in (".png", ".svg"):
        raise InputError(f"a picture is a .png or an .svg, not {path.name!r}; take {path.stem}.svg")
    fonts = fonts_for(texts)
    with _style(fonts):
        _write(make(), path, dpi)
    return fonts.note


@contextlib.contextmanager
def _style(fonts: Fonts) -> Iterator[None]:
    with matplotlib.rc_context({**STYLE, "font.family": fonts.families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # said once, in the note
        yield


def _write(figure: Figure, path: Path, dpi: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".png":
        figure.savefig(path, dpi=min(dpi, MOST_PIXELS / max(figure.get_size_inches())), metadata={"Software": None})
        return
    svg = io.StringIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    # what shows the SVG need not have our fonts
    path.write_text(re.sub(r"font-family: ([^;\"]+)", r"font-family: \1, sans-serif", svg.getvalue()), encoding="utf-8")
