"""Fonts that have the letters of a picture, and what to install where none has."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

FIRST = "DejaVu Sans"  # comes with matplotlib
PREFERRED = (  # wide coverage, made for reading on screens; any other that has the letters comes after
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei",
    "Noto Sans CJK JP", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "SimHei", "Arial Unicode MS", "Noto Sans", "Unifont",
)  # fmt: skip
NOT_FOR_TEXT = ("Last Resort", "cm", "STIXSize", "STIXNonUnicode")  # of matplotlib: boxes, and glyphs of formulas under false names
CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")


class Fonts(NamedTuple):
    families: list[str]  # in the order in which a letter is looked for
    missing: str  # letters that no installed font has

    @property
    def note(self) -> str | None:
        """What to install for the missing letters."""
        return f"no installed font has {_quoted(self.missing)}: boxes stand for them in the PNG. {_install(self.missing)}" if self.missing else None


def fonts_for(texts: Iterable[str]) -> Fonts:
    """The fewest font families found that together have all letters of `texts`, the plain one first."""
    wanted = {c for text in texts for c in text if c.isprintable() and not c.isspace()}
    families = [FIRST]
    wanted -= _letters(font_manager.findfont(FIRST))
    by_name: dict[str, str] = {}
    for entry in font_manager.fontManager.ttflist if wanted else ():
        if entry.style == "normal" and entry.name not in by_name and not entry.name.startswith(NOT_FOR_TEXT):
            by_name[entry.name] = entry.fname
    for name in sorted(by_name, key=lambda n: (PREFERRED.index(n) if n in PREFERRED else len(PREFERRED), n)):
        if not wanted:
            break
        held = wanted & _letters(by_name[name])
        if held:
            families.append(name)
            wanted -= held
    return Fonts(families, "".join(sorted(wanted)))


@cache
def _letters(path: str) -> frozenset[str]:
    """All letters of a font file; none where matplotlib cannot read it."""
    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (RuntimeError, OSError):
        return frozenset()


def _quoted(letters: str) -> str:
    shown = " ".join(letters[:10])
    return f"{shown} ... ({len(letters)} letters)" if len(letters) > 10 else shown


def _install(letters: str) -> str:
    names = {unicodedata.name(c, "").partition(" ")[0] for c in letters}
    wanted = []
    if any(name.startswith(CJK) for name in names):
        where = "Debian, Ubuntu: apt install fonts-noto-cjk; Fedora: dnf install google-noto-sans-cjk-fonts; elsewhere: fonts.google.com/noto"
        wanted.append(f"Noto Sans CJK ({where})")
    scripts = sorted(name.title() for name in names if name and not name.startswith(CJK) and name.isalpha())
    if scripts or not wanted:
        wanted.append(f"a font that has {', '.join(scripts) or 'them'} (Noto has one for every script; Debian, Ubuntu: apt install fonts-noto-core)")
    return f"Install {' and '.join(wanted)} and draw again; the SVG keeps its text and is right wherever it is opened with such a font."
