"""Texts made ready to learn from: checked, normalised, their characters and words counted in an order that does not depend on chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tokenizers import normalizers, pre_tokenizers

from anyformer.errors import InputError, Problem

GAP = "\U0010ffff"  # no character of any text; stands where a rare one was left out, so that nothing is learned across it


def prepare(texts: Iterable[str], steps: list[normalizers.Normalizer]) -> list[str]:
    """The texts after normalization, empty ones left out.

    Raises:
        InputError: no text is left, or one is no valid Unicode.
    """
    if isinstance(texts, str):
        texts = [texts]
    normalize = normalizers.Sequence(steps).normalize_str
    prepared: list[str] = []
    n = 0
    for n, text in enumerate(texts, 1):
        try:
            prepared.append(normalize(text))
        except (TypeError, UnicodeEncodeError):
            raise broken_text(text, f"text {n}") from None
    prepared = [text for text in prepared if text and not text.isspace()]
    if not prepared:
        raise InputError("there is no text to learn a vocabulary from: " + (f"all {n:,} texts are empty" if n else "the corpus is empty"))
    return prepared


def broken_text(text: str, where: str) -> Exception:
    """The error for a text that Rust does not take: half a surrogate pair, or no text at all."""
    if not isinstance(text, str):
        return TypeError(f"{where}: expected a text, got {type(text).__name__}")
    position = next((i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff"), 0)
    return InputError(
        Problem(where, f"is no valid Unicode: character {position + 1} is half a surrogate pair ({text[position : position + 1]!a}); read the text as UTF-8")
    )


def alphabet(texts: list[str], coverage: float) -> list[str]:
    """The most frequent characters that together make up at least the share `coverage` of the texts, most frequent first (then by code point)."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    ranked = ranking(counts)
    enough, seen = coverage * counts.total(), 0
    for n, character in enumerate(ranked, 1):
        seen += counts[character]
        if seen >= enough and coverage < 1:
            return ranked[:n]
    return ranked


def without_rare(texts: list[str], kept: list[str]) -> list[str]:
    """The texts with `GAP` for every character that is not kept."""
    rare = set().union(*texts) - set(kept)
    table = dict.fromkeys(map(ord, rare), GAP)
    return [text.translate(table) for text in texts] if rare else texts


def words(texts: list[str], splitter: pre_tokenizers.PreTokenizer) -> Counter[str]:
    """How often each word stands in the texts, words as the splitter cuts them."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in splitter.pre_tokenize_str(text))
    return counts


def ranking(counts: Counter[str]) -> list[str]:
    """The most frequent first; equals in the order of their code points."""
    return sorted(counts, key=lambda item: (-counts[item], item))
