"""`attention(run, text)`: where a trained model looks while it translates."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from anyformer.inspection import AttentionMaps, Picture, attention_of, draw_attention
from anyformer.run.load import Run, load


class Attention(NamedTuple):
    """The weights of one translation, and the pictures of them by side (encoder, decoder, cross)."""

    maps: AttentionMaps
    pictures: dict[str, Picture]


def attention(run: Run | str | Path, text: str, *, translation: str | None = None, out: str | Path | None = None, **search: Any) -> Attention:
    """Translates a sentence and draws the attention weights of every layer and head, each side as PNG and SVG.

    Args:
        run: an opened run, or the folder of one.
        translation: look at this translation instead of the model's own.
        out: folder for the pictures; None: `<run>/plots/<the text's first words>`.
        search: fields of `SearchConfig` (`beam=1`).

    Raises:
        InputError: the text is empty or too long for one picture.
    """
    opened = run if isinstance(run, Run) else load(run)
    maps = attention_of(opened.translator, text, translation, **search)
    folder = Path(out) if out is not None else opened.path / "plots" / slug(text)
    return Attention(maps, draw_attention(maps, folder))


def slug(text: str, longest: int = 40) -> str:
    """A name for a folder, made of the text's first words."""
    words = re.findall(r"\w+", text.lower())
    made = ""
    for word in words:
        if made and len(made) + 1 + len(word) > longest:
            break
        made = f"{made}-{word}" if made else word[:longest]
    return made or "text"
