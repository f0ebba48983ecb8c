from __future__ import annotations

import json
import math

import pytest
import torch

from anyformer import architectures
from anyformer.decoding import SearchConfig, Translator
from anyformer.errors import ConfigError, InputError
from anyformer.evaluation import EvaluateConfig, evaluate
from anyformer.text import Byte, Normalization

PAIRS = [("Two dogs play.", "Deux chiens jouent."), ("A man.", "Un homme."), ("A cat sleeps on a mat.", "Un chat dort sur un tapis."), ("", "")]
QUICK = EvaluateConfig(search=SearchConfig(beam=2, max_length=5))


@pytest.fixture(scope="module")
def translator():
    tokenizer = Byte(normalization=Normalization(lowercase=True)).train(t for pair in PAIRS for t in pair)
    torch.manual_seed(0)
    model = architectures.get("transformer-tiny", vocab_size=len(tokenizer), d_model=16, n_layers=1, n_heads=2, d_ff=16).build()
    return Translator(model, tokenizer, tokenizer, max_source_length=30)


class Parrot:
    """A translator that knows the references."""

    def __init__(self, translator, answers):
        self.inner, self.answers, self.target_tokenizer = translator, answers, translator.target_tokenizer

    def translate(self, texts, config, **options):
        return [t._replace(text=self.answers[text]) for text, t in zip(texts, self.inner.translate(texts, config, **options), strict=True)]


def test_all_metrics_of_a_translator_that_is_right(translator):
    answers = {source: target.lower() for source, target in PAIRS}
    result = evaluate(Parrot(translator, answers), PAIRS, QUICK, target_language="fr", lowercased=True, loss=lambda pairs: (2.0 * len(pairs), len(pairs)))
    assert result.scores == pytest.approx({"bleu": 100, "bleu_moses": 100, "chrf": 100, "exact_match": 100, "perplexity": math.exp(2)})
    assert result["bleu"] == pytest.approx(100) and result.pairs == tuple(PAIRS) and result.translations[1] == "un homme."
    data = json.loads(json.dumps(result.to_dict()))
    assert data["metrics"]["bleu"]["signature"].startswith("nrefs:1|case:lc") and data["sentences"] == 4
    assert data["speed"]["sentences_per_second"] == pytest.approx(4 / data["speed"]["seconds"])
    assert EvaluateConfig.from_dict(QUICK.to_dict()) == QUICK and data["search"]["beam"] == 2
    lines = str(result).splitlines()
    assert len(lines) == 7 and any(line.startswith("exact match") and "100.00 %" in line for line in lines)


def test_a_cased_model_has_no_lower_cased_score_and_neither_has_chinese(translator):
    assert "bleu_moses" not in evaluate(translator, PAIRS, QUICK, target_language="fr").scores
    assert "bleu_moses" not in evaluate(translator, PAIRS, QUICK, target_language="zh", lowercased=True).scores


def test_perplexity_is_that_of_forced_scores_and_leaves_out_what_is_too_long(translator):
    scores = translator.score(PAIRS)
    expected = math.exp(-sum(s.log_prob for s in scores) / sum(s.n_tokens for s in scores))
    only = QUICK.override("metrics", ["perplexity"])
    assert evaluate(translator, PAIRS, only).scores == pytest.approx({"perplexity": expected})
    assert evaluate(translator, [*PAIRS, ("a " * 50, "b")], only).scores == pytest.approx({"perplexity": expected})
    assert evaluate(translator, [("a " * 50, "b")], only).scores == {}


def test_a_limit_takes_pairs_from_all_over(translator):
    result = evaluate(translator, PAIRS * 3, QUICK.override("max_sentences", 3))
    assert [source for source, _ in result.pairs] == [PAIRS[0][0]] * 3
    assert len(evaluate(translator, PAIRS, QUICK.override("max_sentences", 3)).pairs) == 3


def test_nothing_to_evaluate_is_said(translator):
    with pytest.raises(InputError, match="nothing"):
        evaluate(translator, [], QUICK)


@pytest.mark.parametrize("fields, wrong", [({"metrics": ()}, "metrics"), ({"batch_size": 0}, "batch_size"), ({"max_sentences": 0}, "max_sentences")])
def test_impossible_configs_are_refused(fields, wrong):
    with pytest.raises(ConfigError, match=wrong):
        EvaluateConfig(**fields)
