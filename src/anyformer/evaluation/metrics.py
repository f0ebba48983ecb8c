"""Scores of a whole corpus of translations, each with the signature by which it can be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import sacrebleu
from sacremoses import MosesPunctNormalizer, MosesTokenizer
from sacremoses import __version__ as sacremoses_version

WITHOUT_SPACES = frozenset({"zh", "ja", "th", "km", "lo", "my"})
BLEU_TOKENIZERS = {"zh": "zh"} | dict.fromkeys(WITHOUT_SPACES - {"zh"}, "char")


class Metric(NamedTuple):
    name: str  # as people write it
    score: float
    unit: str  # "" for points of 0 to 100
    signature: str


def bleu(translations: Sequence[str], references: Sequence[str], language: str = "", tokenizer: str | None = None, lowercase: bool = False) -> Metric:
    """Corpus BLEU (Papineni et al. 2002) by sacreBLEU (Post 2018); `tokenizer` None: zh for Chinese, char where words are not spaced, else 13a."""
    metric = sacrebleu.BLEU(tokenize=tokenizer or BLEU_TOKENIZERS.get(main_language(language), "13a"), lowercase=lowercase)
    score = metric.corpus_score(list(translations), [list(references)]).score
    return Metric("BLEU", score, "", str(metric.get_signature()))


def chrf(translations: Sequence[str], references: Sequence[str], lowercase: bool = False) -> Metric:
    """Corpus chrF2 (Popović 2015) by sacreBLEU."""
    metric = sacrebleu.CHRF(lowercase=lowercase)
    score = metric.corpus_score(list(translations), [list(references)]).score
    return Metric("chrF", score, "", str(metric.get_signature()))


def moses_bleu(translations: Sequence[str], references: Sequence[str], language: str) -> Metric:
    """BLEU over lower-cased text in Moses' tokens, as papers on Multi30k have it (Wu et al. 2021)."""
    cut = moses_words(language)
    metric = sacrebleu.BLEU(tokenize="none", force=True)
    score = metric.corpus_score([cut(t) for t in translations], [[cut(r) for r in references]]).score
    how = f"text:lc.norm.tok|sacremoses:{main_language(language)}.{sacremoses_version}"
    return Metric("BLEU, lower-cased Moses tokens", score, "", f"{metric.get_signature()}|{how}")


def moses_words(language: str) -> Callable[[str], str]:
    """Lower-cases, makes punctuation alike, and cuts into Moses' tokens with a space between: the `lc.norm.tok` of Multi30k.

    Lower-casing comes first: it decides at which full stops Moses cuts.
    """
    tokenizer, normalizer = MosesTokenizer(main_language(language) or "en"), MosesPunctNormalizer(main_language(language) or "en")
    return lambda text: str(tokenizer.tokenize(normalizer.normalize(text.lower()), return_str=True, escape=False))


def exact_match(translations: Sequence[str], references: Sequence[str], normalize: Callable[[str], str]) -> Metric:
    """The share of translations that are their reference, both as the tokenizer sees them (`normalize`)."""
    same = sum(normalize(t).strip() == normalize(r).strip() for t, r in zip(translations, references, strict=True))
    return Metric("exact match", 100 * same / len(references), "%", "")


def main_language(language: str) -> str:
    """`zh` of `zh-Hans`."""
    return language.replace("_", "-").partition("-")[0].lower()
