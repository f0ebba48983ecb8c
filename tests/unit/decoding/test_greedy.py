"""Greedy search and the rules on tokens, against the table."""

from __future__ import annotations

import pytest

from anyformer.decoding.beam import beam_search
from anyformer.decoding.greedy import greedy
from anyformer.decoding.search_config import SearchConfig

SOURCES = [(4, 5, 2), (6, 2), (5, 5, 6, 4, 2), (4, 2), (7, 2)]
EOS = 2


def by_hand(model, source, limit, shortest=1):
    ids: tuple[int, ...] = ()
    while len(ids) < limit:
        logits = model.logits(source, ids)
        allowed = [i for i in range(model.size) if i > 3 or i == EOS and len(ids) >= shortest]
        token = max(allowed, key=lambda i: logits[i])
        if token == EOS:
            break
        ids += (token,)
    return ids


def test_it_takes_the_most_probable_token_and_stops_at_the_end_or_the_limit(table_model, encode):
    model, limits = table_model(size=8), [9, 9, 2, 9, 5]
    found = greedy(model, encode(model, SOURCES), limits, SearchConfig(length_penalty=0.7))
    lengths = set()
    for source, limit, (one,) in zip(SOURCES, limits, found, strict=True):
        assert one.ids == by_hand(model, source, limit)
        assert one.log_prob == pytest.approx(model.log_prob(source, one.ids), abs=1e-5)
        assert one.score == pytest.approx(one.log_prob / (len(one.ids) + 1) ** 0.7)
        lengths.add(len(one.ids))
    assert len(lengths) > 1


@pytest.mark.parametrize("search, beam", [(greedy, 1), (beam_search, 3)])
def test_no_ngram_is_written_twice(table_model, encode, search, beam):
    model = table_model(size=6)
    memory = encode(model, SOURCES)
    for n in (1, 2):
        config = SearchConfig(beam=beam, no_repeat_ngram=n, min_length=2)
        for one, *_ in search(model, memory, [8] * 5, config):
            grams = [one.ids[i : i + n] for i in range(len(one.ids) - n + 1)]
            assert len(grams) == len(set(grams)) and one.ids
    assert any(len(set(h.ids)) < len(h.ids) for (h, *_) in search(model, memory, [8] * 5, SearchConfig(beam=beam, min_length=6)))


@pytest.mark.parametrize("search, beam", [(greedy, 1), (beam_search, 4)])
def test_lengths_are_kept_within_their_limits(table_model, encode, search, beam):
    model = table_model(size=8)
    memory = encode(model, SOURCES)
    for shortest, longest in ((1, 1), (4, 6), (5, 5)):
        found = search(model, memory, [longest] * 5, SearchConfig(beam=beam, min_length=shortest))
        assert all(shortest <= len(h.ids) <= longest for hypotheses in found for h in hypotheses)


def test_the_repetition_penalty_makes_written_tokens_less_likely(table_model, encode):
    model = table_model(size=8)
    memory = encode(model, SOURCES)
    strong = greedy(model, memory, [4] * 5, SearchConfig(repetition_penalty=1e6, min_length=3))
    assert any(len(set(h.ids)) < len(h.ids) for (h,) in greedy(model, memory, [4] * 5, SearchConfig(min_length=3)))
    for source, (one,) in zip(SOURCES, strong, strict=True):
        for t in range(1, len(one.ids)):
            if one.ids[t] in one.ids[:t]:  # only where all others were below zero, which a penalty of a million brings close to zero or far below
                assert max(v for i, v in enumerate(model.logits(source, one.ids[:t])) if i > 3 and i not in one.ids[:t]) < 0
