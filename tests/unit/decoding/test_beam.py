"""Beam search finds what listing all hypotheses finds, in whatever batch."""

from __future__ import annotations

import pytest

from anyformer.decoding.beam import beam_search
from anyformer.decoding.greedy import greedy
from anyformer.decoding.search_config import SearchConfig

SOURCES = [(4, 5, 2), (6, 2), (5, 5, 6, 4, 2), (4, 2)]


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("shortest, longest", [(0, 4), (1, 4), (3, 4)])
def test_a_beam_as_wide_as_the_tree_finds_the_n_best_of_all(table_model, encode, penalty, shortest, longest):
    model = table_model()
    config = SearchConfig(beam=110, n_best=6, length_penalty=penalty, min_length=shortest)
    found = beam_search(model, encode(model, SOURCES), [longest] * 4, config)
    for source, hypotheses in zip(SOURCES, found, strict=True):
        best = model.everything(source, shortest, longest, penalty)[:6]
        assert [h.ids for h in hypotheses] == [ids for _, ids in best]
        assert [h.score for h in hypotheses] == pytest.approx([score for score, _ in best], abs=1e-5)
        assert [h.log_prob for h in hypotheses] == pytest.approx([model.log_prob(source, ids) for _, ids in best], abs=1e-5)


@pytest.mark.parametrize("beam", [1, 2, 3, 5])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_batch_gives_what_each_sentence_gives_alone(table_model, encode, beam, penalty):
    model, limits = table_model(size=9), [7, 2, 9, 5]
    config = SearchConfig(beam=beam, n_best=beam, length_penalty=penalty)
    together = beam_search(model, encode(model, SOURCES), limits, config)
    for i, source in enumerate(SOURCES):
        assert together[i] == beam_search(model, encode(model, [source]), limits[i : i + 1], config)[0]


def test_a_beam_of_one_is_greedy_search(table_model, encode):
    model = table_model(size=9)
    sources = [(4, i, 2) for i in range(4, 9)]
    memory = encode(model, sources)
    walked = greedy(model, memory, [6] * 5, SearchConfig(length_penalty=0.0))
    assert beam_search(model, memory, [6] * 5, SearchConfig(length_penalty=0.0)) == walked
    assert len({len(h.ids) for (h,) in walked}) > 2


def test_an_end_that_is_not_among_the_best_ways_to_go_on_is_none(table_model, encode):
    model = table_model()
    source = (4, 2)
    # The end is third at first; then both ways cost so much that the end at once would have been the most probable of all.
    model.table[source, ()] = [-99.0, -99.0, 3.5, -99.0, 5.0, 4.0, -99.0]
    for first in (4, 5):
        model.table[source, (first,)] = [0.0] * 7
        for second in range(4, 7):
            model.table[source, (first, second)] = [-99.0, -99.0, 9.0, -99.0, -99.0, -99.0, -99.0]
    search = SearchConfig(beam=2, length_penalty=0.0, min_length=0)
    assert beam_search(model, encode(model, [source]), [2], search)[0][0].ids != ()
    assert beam_search(model, encode(model, [source]), [2], search.override("beam", 3))[0][0].ids == ()


def test_a_sentence_stops_only_when_nothing_better_can_come(table_model, encode):
    model = table_model()
    source = (4, 2)
    # An end at once costs half a nat; going on costs one for the first token, and then nothing for three more.
    model.table[source, ()] = [-99.0, -99.0, 5.0, -99.0, 4.5, -99.0, -99.0]
    for n in range(1, 5):
        model.table[source, (4,) * n] = [-99.0, -99.0, 0.0 if n == 4 else -9.0, -99.0, 9.0 if n < 4 else -9.0, -99.0, -99.0]
    search = SearchConfig(beam=2, length_penalty=1.0, min_length=0)
    assert beam_search(model, encode(model, [source]), [8], search)[0][0].ids == (4,) * 4
    assert beam_search(model, encode(model, [source]), [8], search.override("length_penalty", 0.0))[0][0].ids == ()


def test_finished_sentences_leave_the_batch(table_model, encode, monkeypatch):
    model = table_model()
    sizes = []
    forward = model.forward
    monkeypatch.setattr(model, "forward", lambda batch, **k: (sizes.append(len(batch.tokens)), forward(batch, **k))[1])
    beam_search(model, encode(model, SOURCES), [1, 9, 2, 5], SearchConfig(beam=3, length_penalty=0.0, min_length=1))
    assert sizes[0] == 12 and sizes[-1] < 12 and sizes == sorted(sizes, reverse=True)


def test_a_vocabulary_smaller_than_the_beam_is_no_trouble(table_model, encode):
    model = table_model(size=5)  # one token besides the special ones
    found = beam_search(model, encode(model, SOURCES[:2]), [3, 3], SearchConfig(beam=8, n_best=8))
    assert [sorted(h.ids for h in hypotheses) for hypotheses in found] == [[(4,), (4, 4), (4, 4, 4)]] * 2
