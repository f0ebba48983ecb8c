"""Long texts in pieces that a model can take: lines, sentences, clauses, words; and together again.

A text is cut without losing a character: it is its pieces and what stands between them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Piece(NamedTuple):
    """A stretch of text to translate, and the white space after it (none between Chinese sentences, or inside a word)."""

    text: str
    after: str


class Layout(NamedTuple):
    """A text as `before` + piece + space + piece + space ..."""

    before: str
    pieces: list[Piece]


LINE_BREAKS = frozenset("\n\r\v\f\x85\u2028\u2029")
CLOSING = "\"'”’»)\\]）」』】》"
WIDE_STOP = re.compile(f"[。！？]+[…{CLOSING}]*")
STOP = re.compile(f"[.!?…।؟۔]+[{CLOSING}]*(?=\\s)")
CLAUSE = re.compile(r"[,;:–—](?=\s)|[，；：、—](?!\s)")  # a cut lies behind these
SPACE = re.compile(r"\s+")
WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘«]+$")
_ABBREVIATIONS = """
mr mrs ms dr prof st sr jr gen col capt lt sgt rev hon vs etc e.g i.e cf al fig no nos vol pp p ed eds approx dept est inc ltd co corp u.s u.k u.n a.m p.m
m mm mme mlle mgr av bd env ex hr fr frl nr str bzw ca usw z.b d.h u.a evtl ggf inkl jan feb mar apr jun jul aug sep sept oct nov dec
"""
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())


def lay_out(text: str, limit: int, length: Callable[[list[str]], list[int]], apart: bool = True) -> Layout:
    """Cuts a text into lines, lines into sentences, and sentences of more than `limit` tokens into less.

    Args:
        length: tokens of each of the texts it is given.
        apart: every sentence is a piece of its own; else lines of at most `limit` tokens stay whole.
    """
    inner = text.strip()
    before = text[: len(text) - len(text.lstrip())]
    tail = text[len(before) + len(inner) :]
    lines = list(_cut_at(inner, (m.span() for m in SPACE.finditer(inner) if not LINE_BREAKS.isdisjoint(m.group()))))
    pieces: list[Piece] = []
    whole = [False] * len(lines) if apart else [tokens <= limit for tokens in length([line.text for line in lines])]
    for line, stays in zip(lines, whole, strict=True):
        pieces += [line] if stays else _ending(sentences(line.text), line.after)
    return Layout(before, _ending(_within(pieces, limit, length), tail))


def sentences(line: str) -> list[Piece]:
    """The sentences of a line: Latin ones end in a stop before a space and no small letter, Chinese and Japanese ones at their stops."""
    return list(_cut_at(line, _sentence_borders(line)))


def put_together(layout: Layout, translations: list[str]) -> str:
    """The translated pieces with the space of the original; none after Chinese or Japanese, one where a script now needs it."""
    out = [layout.before]
    for i, (piece, translation) in enumerate(zip(layout.pieces, translations, strict=True)):
        inside = i + 1 < len(layout.pieces) and LINE_BREAKS.isdisjoint(piece.after)
        out += [translation, _space(translation, piece.after) if inside else piece.after]
    return "".join(out)


# ---- where to cut


def _cut_at(text: str, borders: Iterator[tuple[int, int]]) -> Iterator[Piece]:
    """Pieces between borders (start and end of the space between two pieces)."""
    start = 0
    for left, right in borders:
        yield Piece(text[start:left], text[left:right])
        start = right
    if start < len(text):
        yield Piece(text[start:], "")


def _sentence_borders(line: str) -> Iterator[tuple[int, int]]:
    stops = sorted([m for m in WIDE_STOP.finditer(line)] + [m for m in STOP.finditer(line) if _ends_sentence(line, m)], key=lambda m: m.end())
    last = 0
    for stop in stops:
        space = SPACE.match(line, stop.end())
        end = space.end() if space else stop.end()
        if last < stop.end() and end < len(line):  # two kinds of stops may end at the same place
            yield stop.end(), end
            last = end


def _ends_sentence(line: str, stop: re.Match[str]) -> bool:
    space = SPACE.match(line, stop.end())
    following = line[space.end() : space.end() + 1] if space else ""
    if following.islower():
        return False
    if stop.group() != ".":
        return True
    found = WORD_BEFORE.search(line, max(0, stop.start() - 30), stop.start())
    word = found.group() if found else ""
    initial = len(word) == 1 and word.isupper()
    ordinal = word.isdigit() and len(word) <= 2  # German: am 3. Mai
    return not (initial or ordinal or word.lower() in ABBREVIATIONS)


def _within(pieces: list[Piece], limit: int, length: Callable[[list[str]], list[int]]) -> list[Piece]:
    """Pieces of at most `limit` tokens each: what is longer is halved at the best border near its middle, again and again."""
    while True:
        too_long = [n > limit and len(p.text) > 1 for p, n in zip(pieces, length([p.text for p in pieces]), strict=True)]
        if not any(too_long):
            return pieces
        halved = [list(_halves(p)) if long else [p] for p, long in zip(pieces, too_long, strict=True)]
        pieces = [p for group in halved for p in group]


def _halves(piece: Piece) -> Iterator[Piece]:
    """Two pieces: cut at a clause, else between words, else between characters."""
    text, middle = piece.text, len(piece.text) // 2
    third = len(text) // 3
    window = range(third, len(text) - third)
    for border in (CLAUSE, SPACE):
        ends = [m.end() if border is CLAUSE else m.start() for m in border.finditer(text, third) if m.start() < window.stop]
        if ends:
            middle = min(ends, key=lambda end: abs(end - middle))
            break
    space = SPACE.match(text, middle)
    right = space.end() if space else middle
    yield Piece(text[:middle], text[middle:right])
    yield Piece(text[right:], piece.after)


def _ending(pieces: list[Piece], after: str) -> list[Piece]:
    """With other space behind the last piece."""
    return [*pieces[:-1], Piece(pieces[-1].text, after)] if pieces else []


def _space(translation: str, original: str) -> str:
    """What to put after a translated piece that another follows."""
    last = translation[-1:]
    wide = bool(last) and unicodedata.east_asian_width(last) in "WF" and not "\uac00" <= last <= "\ud7a3"  # Korean is written with spaces
    return "" if wide else original or " "
