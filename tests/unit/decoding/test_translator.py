"""The translator around a real, untrained model and around the table."""

from __future__ import annotations

import pytest
import torch

from anyformer import architectures
from anyformer.batch import Batch
from anyformer.decoding import SearchConfig, Translator
from anyformer.errors import ConfigError, InputError
from anyformer.text import Byte, Normalization

TEXTS = ["Two dogs play.", "", "A man is riding a bicycle along the beach.", "   ", "你好", "Oui.", "x"]


@pytest.fixture(scope="module")
def translator():
    tokenizer = Byte().train(TEXTS)
    torch.manual_seed(3)
    config = architectures.get("transformer-tiny", vocab_size=len(tokenizer), d_model=32, n_layers=2, n_heads=2, d_ff=64)
    model = config.build()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.15)
    return Translator(model, tokenizer, tokenizer, search=SearchConfig(beam=3, max_length=12), max_source_length=40)


SEARCHES = [
    SearchConfig(max_length=12),
    SearchConfig(beam=3, n_best=3, max_length=12),
    SearchConfig(beam=4, length_penalty=0.0, max_length=12, no_repeat_ngram=2, repetition_penalty=1.3),
    SearchConfig(temperature=1.0, max_length=12, seed=5),
    SearchConfig(temperature=0.7, top_k=20, top_p=0.9, n_best=2, max_length=12),
]


@pytest.mark.parametrize("config", SEARCHES, ids=repr)
def test_a_batch_gives_what_each_text_gives_alone(translator, config):
    together = translator.translate(TEXTS, config)
    assert len({t.text for t in together}) > 3
    for one in together:
        scores = [c.score for c in one.n_best]
        assert scores == sorted(scores, reverse=True) and one.text == one.n_best[0].text
        assert len(scores) == (config.n_best if one.text.strip() else 1)
    for size in (1, 2, 3):
        others = translator.translate(TEXTS, config, batch_size=size)
        for one, other in zip(together, others, strict=True):
            assert [c.text for c in one.n_best] == [c.text for c in other.n_best]
            assert [c.score for c in one.n_best] == pytest.approx([c.score for c in other.n_best], abs=1e-4)
    alone = [translator.translate([text], config, first=n)[0].text for n, text in enumerate(TEXTS)]
    assert alone == [t.text for t in together]


def test_empty_and_blank_texts_come_back_as_they_are(translator):
    made = translator.translate(["", "  \n "])
    assert [t.text for t in made] == ["", "  \n "]
    assert [(t.ids, t.score, len(t.n_best)) for t in made] == [((), 0.0, 1)] * 2
    assert translator.translate([]) == []


def test_a_text_that_the_tokenizer_makes_nothing_of_gives_nothing(translator):
    blind = Byte(normalization=Normalization(moses_punctuation=True)).train(TEXTS)
    made = Translator(translator.model, blind, blind).translate(["\u200b", "Oui."], max_length=4)
    assert blind.encode("\u200b") == [] and made[0].text == "" and made[0].score == 0.0 and made[1].text


def test_its_score_is_that_of_forced_decoding(translator):
    texts = [t for t in TEXTS if t.strip() and len(t) < 30]
    for config in (SearchConfig(max_length=12), SearchConfig(beam=3, max_length=12, n_best=2, length_penalty=0.6)):
        for text, made in zip(texts, translator.translate(texts, config), strict=True):
            assert made.score == pytest.approx(made.log_prob / (len(made.ids) + 1) ** config.length_penalty, abs=1e-6)
            assert made.log_prob == pytest.approx(forced(translator, text, made.ids), abs=1e-3)


def forced(translator, text, ids):
    """Log-probability by one plain forward, in float64."""
    source = torch.tensor([[*translator.source_tokenizer.encode(text), 2]])
    translator.model.eval()
    with torch.no_grad():
        logits = translator.model(Batch(tokens=torch.tensor([[1, *ids]]), source=source)).logits[0].double()
    translator.model.train()
    return float(logits.log_softmax(-1)[torch.arange(len(ids) + 1), torch.tensor([*ids, 2])].sum())


def test_forced_scores(translator):
    pairs = [("Two dogs play.", "Deux chiens jouent."), ("Oui.", ""), ("", "No."), ("x", "y z")]
    scores = translator.score(pairs, batch_size=3)
    for (source, target), score in zip(pairs, scores, strict=True):
        ids = translator.target_tokenizer.encode(target)
        assert score.log_prob == pytest.approx(forced(translator, source, ids), abs=1e-3)
        assert score.n_tokens == len(score.token_log_probs) == len(ids) + 1
        assert score.log_prob == pytest.approx(sum(score.token_log_probs))


def test_a_pair_too_long_to_score_is_named(translator):
    assert translator.can_score([("a", "b"), ("a" * 41, "b")]) == [True, False]
    with pytest.raises(InputError, match="pair 2, target"):
        translator.score([("a", "b"), ("a", "b" * 41)])


def test_a_long_text_is_translated_sentence_by_sentence_and_put_together(translator):
    first, second = "A man is riding a bicycle.", "Two dogs play with a ball."
    apart = translator.translate([first, second])
    text = f"  {first}  {second}\n{first} "
    whole = translator.translate([text])[0]
    assert whole.text == f"  {apart[0].text}  {apart[1].text}\n{apart[0].text} "
    assert whole.ids == apart[0].ids + apart[1].ids + apart[0].ids
    assert whole.log_prob == pytest.approx(2 * apart[0].log_prob + apart[1].log_prob, abs=1e-4)
    assert whole.score == pytest.approx(whole.log_prob / (len(whole.ids) + 3), abs=1e-5)


def test_a_line_stays_whole_where_it_should(translator):
    apart, whole = (translator.translate(["Oui. Non."], sentences_apart=apart)[0] for apart in (True, False))
    one, other = translator.translate(["Oui.", "Non."])
    assert apart.ids == one.ids + other.ids
    assert whole.log_prob == pytest.approx(forced(translator, "Oui. Non.", whole.ids), abs=1e-3)


def test_a_text_of_many_characters_and_characters_never_seen(translator):
    made = translator.translate(["ab " * 700 + "ж" * 60, "\U0001f600 𝔘𝔫𝔦 \x00\x07 ـ"], beam=1, max_length=3, batch_size=64)
    assert all(t.text for t in made)


def test_a_stream_gives_the_same_translations_in_order_and_reads_no_further_than_it_must(translator):
    read = []

    def lines():
        for text in TEXTS * 3:
            read.append(text)
            yield text

    for search in ({}, {"temperature": 1.0}):
        read.clear()
        stream = translator.stream(lines(), batch_size=2, window=2, **search)
        found = [next(stream)]
        assert len(read) == 4
        found += stream
        assert [t.text for t in found] == [t.text for t in translator.translate(TEXTS * 3, **search)]


def test_progress_counts_up_to_all_pieces(translator):
    seen = []
    translator.translate(TEXTS, batch_size=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 6), (4, 6), (6, 6)]


def test_the_model_is_left_as_it_was(translator):
    before = {k: v.clone() for k, v in translator.model.state_dict().items()}
    translator.model.train()
    translator.translate(TEXTS[:1])
    assert translator.model.training and not torch.is_inference_mode_enabled()
    assert all(torch.equal(before[k], v) for k, v in translator.model.state_dict().items())
    with pytest.raises(ConfigError):
        translator.translate(TEXTS[:1], beam=0)
    assert translator.model.training


def test_bf16_gives_sensible_scores(translator):
    half = Translator(translator.model, translator.source_tokenizer, translator.target_tokenizer, precision="bf16")
    pairs = [("Two dogs play.", "Deux chiens jouent.")]
    assert half.score(pairs)[0].log_prob == pytest.approx(translator.score(pairs)[0].log_prob, rel=0.05)
    assert half.translate(TEXTS, max_length=5)


@pytest.mark.parametrize("search, wrong", [({"beem": 3}, "beem"), ({"beam": "3"}, "beam"), ({"temperature": 1.0, "beam": 2}, "beam")])
def test_impossible_searches_are_refused(translator, search, wrong):
    with pytest.raises(ConfigError, match=wrong):
        translator.translate(TEXTS, **search)


def test_what_is_no_list_of_texts_is_refused(translator):
    with pytest.raises(InputError, match="list"):
        translator.translate("one text")
    with pytest.raises(InputError, match="text 2"):
        translator.translate(["a", None])
    with pytest.raises(InputError, match="batch_size"):
        translator.translate(["a"], batch_size=0)
