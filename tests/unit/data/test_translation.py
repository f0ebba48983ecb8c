import pytest
import torch

from anyformer.data import Example, Objective, TokenizedPairs, Translation
from anyformer.errors import InputError


def test_collate_by_hand(letters):
    batch = Translation().bind(letters, letters).collate([Example([10, 11, 2], [20]), Example([12, 2], [21, 22])])
    assert batch.tokens.tolist() == [[1, 20, 0], [1, 21, 22]]
    assert batch.targets.tolist() == [[20, 2, 0], [21, 22, 2]]
    assert batch.weights.tolist() == [[1, 1, 0], [1, 1, 1]] and batch.weights.dtype == torch.float32
    assert batch.segments.tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch.source.tolist() == [[10, 11, 2], [12, 2, 0]]
    assert batch.source_segments.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert (batch.padding, batch.source_padding, batch.n_tokens) == ("right", "right", 10)


def test_without_padding_there_are_no_segments(letters):
    batch = Translation().bind(letters, letters).collate([Example([10, 2], [20]), Example([12, 2], [21])])
    assert (batch.padding, batch.source_padding, batch.segments, batch.source_segments) == ("none", "none", None, None)
    assert batch.weights.tolist() == [[1, 1], [1, 1]]


def test_examples_end_the_source_only(letters):
    bound = Translation().bind(letters, letters)
    example = bound.example(("ab", "c"))
    assert example == Example([*letters.encode("ab"), 2], letters.encode("c"))
    assert bound.examples([("ab", "c"), ("", "")]) == [example, Example([2], [])]
    assert bound.lengths(example) == (3, 2)


def test_cutting_keeps_the_end_of_the_source(letters):
    bound = Translation().bind(letters, letters, max_length=3)
    cut = bound.cut(bound.example(("abcdef", "xyz")))
    assert cut == Example([*letters.encode("ab"), 2], letters.encode("xy"))
    assert bound.lengths(cut) == (3, 3)
    short = bound.example(("ab", "xyz"))
    assert bound.cut(short).source == short.source


def test_long_pairs_are_dropped_or_cut_and_counted(letters):
    bound = Translation().bind(letters, letters, max_length=4)
    pairs = [("abc", "abc"), ("abcd", "a"), ("a", "abcd"), ("a", "b")]
    dropped = TokenizedPairs.build(pairs, bound)
    assert (len(dropped), dropped.report.dropped, dropped.report.cut) == (2, 2, 0)
    assert "longer than 4 tokens: 2 dropped" in dropped.report.describe()
    cut = TokenizedPairs.build(pairs, bound, over_length="cut")
    assert (len(cut), cut.report.dropped, cut.report.cut, cut.report.longest) == (4, 0, 2, (4, 4))
    assert cut.lengths.tolist() == [[4, 4], [4, 2], [2, 4], [2, 2]]
    assert int(cut.lengths.sum()) == 24
    with pytest.raises(InputError, match="none of 1 pairs"):
        TokenizedPairs.build(pairs[1:2], bound)


def test_the_dataset_gives_back_what_it_took(letters):
    bound = Translation().bind(letters, letters)
    pairs = [("ab", "c"), ("我们", "é"), ("", "x")]
    dataset = TokenizedPairs.build(pairs, bound)
    assert list(dataset) == [bound.example(p) for p in pairs]
    assert dataset[-1] == dataset[2] and dataset[1:] == [dataset[1], dataset[2]]
    with pytest.raises(IndexError):
        dataset[3]


def test_the_fingerprint_sees_ids_and_borders(letters):
    bound = Translation().bind(letters, letters)
    prints = {TokenizedPairs.build(p, bound).fingerprint for p in ([("ab", "c"), ("d", "e")], [("ab", "c"), ("d", "f")], [("ab", "ce"), ("d", "")])}
    assert len(prints) == 3


def test_a_misfit_is_seen_before_step_one():
    class DecoderOnly:
        encoder = None
        decoder = object()

    problems = Objective.from_dict("Translation").misfits(DecoderOnly())
    assert [p.path for p in problems] == ["model.encoder"]
    DecoderOnly.encoder = object()
    assert Translation().misfits(DecoderOnly()) == []
