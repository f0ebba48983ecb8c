import time

import numpy as np
import pytest

from anyformer.data import BatchStream, Sampler, TokenizedPairs, Translation, evaluation_batches, real_share
from anyformer.data.sampler import splitmix64
from anyformer.errors import InputError


def captions(n: int = 29_000) -> np.ndarray:
    """[n, 2] lengths shaped like Multi30k's: about 14 and 15 on average, correlated, at most about 50."""
    rng = np.random.default_rng(0)
    source = np.clip(rng.gamma(9.0, 14.1 / 9.0, n).round(), 4, 45)
    target = np.clip((source * rng.normal(1.055, 0.13, n)).round(), 4, 52)
    return np.stack([source, target], 1).astype(np.int64)


def test_a_step_far_away_is_found_at_once():
    sampler = Sampler(captions(), 4096, seed=0)
    start = time.process_time()
    sampler.indices(100 * sampler.batches_in_epoch + 5)
    assert time.process_time() - start < 0.2


def test_almost_all_positions_are_real():
    lengths = captions()
    sampler = Sampler(lengths, 4096, seed=0)
    batches = [sampler.indices(step) for step in range(sampler.batches_in_epoch)]
    assert real_share(lengths, batches) > 0.94
    assert real_share(lengths, evaluation_batches(lengths, 4096)) > 0.93


def test_no_small_batch_is_left_over():
    sampler = Sampler(np.full((101, 2), 10), 100, seed=0)
    sizes = sorted(len(sampler.indices(step)) for step in range(sampler.batches_in_epoch))
    assert (len(sizes), sizes[-1], sum(sizes)) == (11, 10, 101)
    assert Sampler(np.full((105, 2), 10), 210, seed=0).batches_in_epoch == 5
    even = Sampler(np.full((22, 1), 10), 210, seed=0)
    assert sorted(len(even.indices(s)) for s in range(2)) == [11, 11]


def test_epochs_differ_in_order_and_composition():
    sampler = Sampler(captions(3000), 1000, seed=0)
    first, second = ([frozenset(sampler.indices(e * sampler.batches_in_epoch + b)) for b in range(sampler.batches_in_epoch)] for e in (0, 1))
    assert len(set(first) & set(second)) < 0.2 * len(first)
    longest = [[max(sampler.lengths[list(batch)].max(1)) for batch in epoch] for epoch in (first, second)]
    assert longest[0] != longest[1]
    assert longest[0] != sorted(longest[0])


def test_the_draw_is_the_same_on_every_machine():
    """A change of these numbers breaks the resuming of every run."""
    sampler = Sampler(np.arange(1, 13).reshape(-1, 1) % 3 + 1, 8, seed=7)
    assert [sampler.indices(step) for step in (0, 1, 5, 1000)] == [[0, 6], [9, 3], [2, 8, 5, 11], [3, 9]]


def test_splitmix64_as_published():
    assert splitmix64(1234567, 3).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_a_corpus_smaller_than_a_batch_is_refused():
    with pytest.raises(InputError, match="smaller than one batch: 3 examples of at most 5 tokens, and a batch takes 16"):
        Sampler([[5, 4]] * 3, 16, seed=0)
    assert Sampler([[5, 4]] * 3, 15, seed=0).batches_in_epoch == 1


def test_an_example_longer_than_a_batch_is_refused():
    with pytest.raises(InputError, match="takes 17 tokens, a batch 16"):
        Sampler([[5, 4], [2, 17]], 16, seed=0)
    with pytest.raises(InputError, match="no examples"):
        Sampler(np.zeros((0, 2)), 16, seed=0)


def test_evaluation_keeps_everything():
    batches = evaluation_batches([[3, 3], [90, 2], [1, 1], [4, 2]], 8)
    assert batches == [[1], [3, 0], [2]]


def test_impossible_questions():
    sampler = Sampler([[5, 4]] * 3, 10, seed=0)
    with pytest.raises(ValueError, match="count from 0"):
        sampler.indices(-1)
    with pytest.raises(ValueError, match="rank"):
        sampler.share(0, 2, 2)


def test_the_fingerprint_changes_with_data_budget_and_seed():
    lengths = [[5, 4]] * 5 + [[3, 3]] * 5
    samplers = [Sampler(lengths, 10, 0), Sampler(lengths, 11, 0), Sampler(lengths, 10, 1), Sampler(lengths[::-1], 10, 0)]
    assert len({s.fingerprint for s in samplers}) == 4
    assert Sampler(lengths, 10, 0).fingerprint == samplers[0].fingerprint


def test_streams_of_all_processes_make_the_batch(letters):
    bound = Translation().bind(letters, letters)
    dataset = TokenizedPairs.build([("a" * (i % 7 + 1), "b" * (i % 5 + 1)) for i in range(60)], bound)
    sampler = Sampler(dataset.lengths, 40, seed=3)
    whole = BatchStream(bound, dataset, sampler)
    for step in range(whole.batches_in_epoch):
        rows = sorted(row[row != 0].tolist() for row in whole.batch(step).targets)
        shares = [BatchStream(bound, dataset, sampler, rank, 3).batch(step) for rank in range(3)]
        assert sorted(row[row != 0].tolist() for share in shares for row in share.targets) == rows


def test_a_process_without_a_share_gets_what_does_not_count(letters):
    bound = Translation().bind(letters, letters)
    dataset = TokenizedPairs.build([("abc", "abc")] * 4, bound)
    sampler = Sampler(dataset.lengths, 8, seed=0)
    streams = [BatchStream(bound, dataset, sampler, rank, 5) for rank in range(5)]
    weights = [float(s.batch(0).weights.sum()) for s in streams]
    assert weights == [4.0, 4.0, 0.0, 0.0, 0.0]
    assert len({s.fingerprint for s in streams}) == 1
