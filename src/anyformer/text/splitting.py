r"""Where pieces may not reach across: the borders of words, before any vocabulary is learned.

A space belongs to the word, number or sign that follows it, and the first word of a text gets one too (`A man` is cut into `␣A` `␣man`), so that a word is
the same piece wherever it stands. Every sign of punctuation stands alone. Chinese and Japanese are written without spaces: their runs of characters take no
space to them, and a text that begins with one gets none in front. Nothing is left out and nothing is put for anything else, so that the pieces, joined, are
the text: spaces are kept as they are, and shown as `▁` only to people (`pieces`).
"""

from __future__ import annotations

from tokenizers import Regex, decoders, normalizers, pre_tokenizers

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー"  # the last is common to both kana, and so of neither script
_WORD = rf" ?(?:(?![{_UNSPACED}])[\p{{L}}\p{{M}}])+"
_DIGIT = rf" ?(?![{_UNSPACED}])\p{{N}}"
_NUMBER = rf" ?(?:(?![{_UNSPACED}])\p{{N}})+"
_SIGN = r" ?[^\s\p{L}\p{M}\p{N}]"
_SPACES = r"\s+(?!\S)|\s+"  # all but the last of several, which belongs to what follows


def first_space() -> list[normalizers.Normalizer]:
    """Puts a space before a text, but for an empty one and one that begins with Chinese or Japanese."""
    # In two steps: tokenizers 0.23 loses track of offsets where a pattern matches nothing, such as \A(?!...), and then panics.
    return [normalizers.Prepend(" "), normalizers.Replace(Regex(rf"\A (?=[{_UNSPACED}])"), "")]


def word_splitter(split_digits: bool, split_unspaced: bool) -> pre_tokenizers.PreTokenizer:
    """Cuts at the borders of words; `split_digits`: each digit alone; `split_unspaced`: each Chinese or Japanese character alone."""
    unspaced = rf"[{_UNSPACED}]" if split_unspaced else rf"[{_UNSPACED}]+"
    pattern = "|".join([unspaced, _WORD, _DIGIT if split_digits else _NUMBER, _SIGN, _SPACES])
    return pre_tokenizers.Split(Regex(pattern), behavior="isolated")


def without_first_space() -> decoders.Decoder:
    """Takes one space from the front of the whole text; comes after `decoders.Fuse()`."""
    return decoders.Strip(" ", 1, 0)
