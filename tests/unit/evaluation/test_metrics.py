from __future__ import annotations

import os
from pathlib import Path

import pytest
import sacrebleu

from anyformer.evaluation.metrics import bleu, chrf, exact_match, moses_bleu, moses_words

FRENCH = ["Un homme fait du vélo, n'est-ce pas ?", "Deux chiens jouent."]


def test_perfect_translations_score_a_hundred():
    longer = [f"{t} Et puis il rentre chez lui." for t in FRENCH]
    for metric in (bleu(longer, longer, "fr"), chrf(longer, longer), moses_bleu(longer, longer, "fr"), exact_match(longer, longer, str)):
        assert metric.score == pytest.approx(100), metric


def test_scores_are_those_of_sacrebleu_with_its_signature():
    made = ["Un homme fait du vélo, oui ?", "Deux chats jouent dehors."]
    metric = bleu(made, FRENCH, "fr")
    assert metric.score == pytest.approx(sacrebleu.corpus_bleu(made, [FRENCH]).score) and 0 < metric.score < 100
    assert "tok:13a" in metric.signature and f"version:{sacrebleu.__version__}" in metric.signature
    assert chrf(made, FRENCH).score == pytest.approx(sacrebleu.corpus_chrf(made, [FRENCH]).score)


@pytest.mark.parametrize("language, tokenizer", [("zh", "zh"), ("zh-Hans", "zh"), ("ja", "char"), ("de", "13a"), ("", "13a")])
def test_words_are_cut_by_the_target_language(language, tokenizer):
    assert f"tok:{tokenizer}|" in bleu(FRENCH, FRENCH, language).signature


def test_chinese_is_scored_without_spaces():
    assert bleu(["我喜欢吃苹果和梨。"], ["我喜欢吃苹果和梨。"], "zh").score == pytest.approx(100)
    assert 0 < bleu(["我喜欢吃苹果和香蕉。"], ["我喜欢吃苹果和梨。"], "zh").score < 100


def test_case_is_ignored_where_the_model_writes_lower_case():
    lower = [t.lower() for t in FRENCH]
    assert bleu(lower, FRENCH, "fr", lowercase=True).score == pytest.approx(100)
    assert bleu(lower, FRENCH, "fr").score < 80
    assert "case:lc" in bleu(lower, FRENCH, "fr", lowercase=True).signature
    assert moses_bleu(lower, FRENCH, "fr").score == pytest.approx(100)
    assert "tok:none" in moses_bleu(lower, FRENCH, "fr").signature


def test_exact_match_compares_what_the_tokenizer_sees():
    assert exact_match(["a b", "C"], ["A b ", "d"], str.lower).score == 50
    assert exact_match(["a b", "C"], ["A b ", "d"], str).score == 0


def test_moses_words():
    assert moses_words("fr")("L'homme «rit», dit-il…") == 'l\' homme " rit " , dit-il ...'
    assert moses_words("de")("Ein Mann (alt) läuft.") == "ein mann ( alt ) läuft ."


def test_the_reference_of_multi30k_has_the_published_number_of_tokens():
    folder = Path(os.environ.get("ANYFORMER_DATA", "")) / "multi30k"
    reference = folder / "test_2016_flickr.de"
    if not os.environ.get("ANYFORMER_DATA") or not reference.exists():
        pytest.skip("ANYFORMER_DATA has no multi30k")
    cut = moses_words("de")
    assert sum(len(cut(line).split(" ")) for line in reference.read_text(encoding="utf-8").splitlines()) == 12_103
