"""What must hold of every draw: budget, once an epoch, the same again, and any number of processes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from anyformer.data import Sampler, evaluation_batches


@st.composite
def samplers(draw: st.DrawFn) -> Sampler:
    sides = draw(st.integers(1, 2))
    lengths = draw(st.lists(st.lists(st.integers(1, 40), min_size=sides, max_size=sides), min_size=1, max_size=150))
    longest = max(max(row) for row in lengths)
    tokens = draw(st.integers(longest, longest * len(lengths)))
    return Sampler(lengths, tokens, draw(st.integers(-(2**70), 2**70)))


@settings(max_examples=60, deadline=None)
@given(samplers(), st.integers(0, 10**9))
def test_every_example_once_an_epoch_within_the_budget(sampler: Sampler, epoch: int) -> None:
    first = epoch * sampler.batches_in_epoch
    batches = [sampler.indices(step) for step in range(first, first + sampler.batches_in_epoch)]
    assert Counter(i for batch in batches for i in batch) == Counter(range(len(sampler.lengths)))
    for batch in batches:
        assert batch and len(batch) * int(sampler.lengths[batch].max()) <= sampler.tokens_per_batch
    assert {sampler.epoch(first + at) for at in range(len(batches))} == {epoch}


@settings(max_examples=60, deadline=None)
@given(samplers(), st.integers(0, 10**6), st.integers(1, 9))
def test_shares_of_all_processes_are_the_batch(sampler: Sampler, step: int, world: int) -> None:
    shares = [sampler.share(step, rank, world) for rank in range(world)]
    assert Counter(i for share in shares for i in share) == Counter(sampler.indices(step))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@settings(max_examples=60, deadline=None)
@given(samplers(), st.lists(st.integers(0, 500), min_size=1, max_size=20))
def test_a_step_is_the_same_however_it_is_reached(sampler: Sampler, steps: list[int]) -> None:
    fresh = Sampler(sampler.lengths, sampler.tokens_per_batch, sampler.seed)
    wandering = [sampler.indices(step) for step in steps]
    assert wandering == [fresh.indices(step) for step in reversed(steps)][::-1]
    assert wandering == [Sampler(sampler.lengths, sampler.tokens_per_batch, sampler.seed).indices(step) for step in steps]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=100), st.integers(1, 200))
def test_evaluation_sees_every_example_once(lengths: list[tuple[int, int]], tokens: int) -> None:
    batches = evaluation_batches([list(row) for row in lengths], tokens)
    assert Counter(i for batch in batches for i in batch) == Counter(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(max(lengths[i]) for i in batch) <= tokens
