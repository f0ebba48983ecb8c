"""What is made equal before a text is cut into pieces. All of it is kept in tokenizer.json, so that every reader does the same."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from tokenizers import Regex, normalizers

from anyformer.spec import Spec, spec

# Punctuation in the manner of Moses' normalize-punctuation.perl, without its rules for single languages: (pattern, what takes its place), in this order.
_MOSES = (
    (r"[\u200B\u2060\uFEFF\u00AD]", ""),  # invisible; joiners that shape letters and emoji are kept
    (r"[\u00A0\u202F]+(?=[%:;?!])", ""),  # French spacing
    (r"[\u00A0\u2000-\u200A\u202F\u205F\u3000]", " "),
    (r"[„“”‟〝〞″]|''|``|´´", '"'),
    (r"« *", '"'),
    (r" *»", '"'),
    (r"[‘’‚‛´`′]", "'"),
    (r"[‐‑‒–−]", "-"),
    (r"\A *[—―]+ *", "- "),
    (r" *[—―]+ *\z", " -"),
    (r" *[—―]+ *", " - "),
    (r"…", "..."),
    (r" {2,}", " "),
    (r" (?=[:;])", ""),
)


@spec
class Normalization(Spec):
    """How texts are made equal; the default changes nothing, so that what is decoded is what was encoded, to the byte.

    Fields, in the order in which they are applied:
        moses_punctuation: one kind of quotes, apostrophes, dashes and spaces, three dots for an ellipsis, no double spaces.
        nfkc: Unicode's compatibility composition (e + accent -> é, ﬁ -> fi, Ａ -> A, ， -> ,).
        lowercase: lower case.
        collapse_whitespace: each run of white space becomes one space; none at the ends.
    """

    moses_punctuation: bool = False
    nfkc: bool = False
    lowercase: bool = False
    collapse_whitespace: bool = False

    def steps(self) -> Iterator[normalizers.Normalizer]:
        """The steps as Hugging Face `tokenizers` has them."""
        if self.moses_punctuation:
            yield from (normalizers.Replace(Regex(pattern), content) for pattern, content in _MOSES)
        if self.nfkc:
            yield normalizers.NFKC()
        if self.lowercase:
            yield normalizers.Lowercase()
        if self.collapse_whitespace:
            yield normalizers.Replace(Regex(r"\A\s+|\s+\z"), "")
            yield normalizers.Replace(Regex(r"\s+"), " ")

    def normalize(self, text: str) -> str:
        """The text as a tokenizer with this normalization sees it."""
        return str(_compiled(self).normalize_str(text))


@functools.lru_cache(maxsize=16)
def _compiled(normalization: Normalization) -> normalizers.Normalizer:
    return normalizers.Sequence(list(normalization.steps()))
