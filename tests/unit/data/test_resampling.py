import pickle

import numpy as np
import pytest
from text_examples import CORPUS

from anyformer.data import BatchStream, Resampling, TokenizedPairs, Translation
from anyformer.data.objectives import CausalLM, MaskedLM, PrefixLM
from anyformer.errors import ConfigError
from anyformer.text import BPE, Character

PAIRS = [(a, b) for a, b in zip(CORPUS, reversed(CORPUS), strict=True)] * 4


@pytest.fixture(scope="module")
def tokenizer():
    return BPE(vocab_size=480).train(CORPUS)


def stream(tokenizer, share=0.2, rank=0, world=1, objective=Translation, max_length=256, budget=400):
    bound = objective().bind(tokenizer, tokenizer, max_length)
    dataset = TokenizedPairs.build(PAIRS, bound)
    resampling = Resampling(dataset, bound, tokenizer, tokenizer, share, seed=0)
    return BatchStream(bound, dataset, resampling.sampler(budget, seed=0), rank, world, resampling)


@pytest.mark.parametrize("objective", [Translation, CausalLM, PrefixLM, MaskedLM])
def test_batches_are_a_pure_function_of_the_step(tokenizer, objective):
    first, second = stream(tokenizer, objective=objective), stream(tokenizer, objective=objective)
    steps = [0, first.batches_in_epoch, 3, 2 * first.batches_in_epoch + 1]
    for step in steps:
        first.batch(step)
    for step in reversed(steps):
        assert first.batch(step).tokens.tolist() == second.batch(step).tokens.tolist()


def test_another_process_is_handed_the_same_batches(tokenizer):
    here = stream(tokenizer)
    there = pickle.loads(pickle.dumps(here))
    for step in (0, here.batches_in_epoch + 1):
        assert here.batch(step).tokens.tolist() == there.batch(step).tokens.tolist()


def test_epochs_cut_the_same_texts_differently(tokenizer):
    batches = stream(tokenizer)
    texts, cuts = [], []
    for epoch in range(2):
        rows = [row for b in range(batches.batches_in_epoch) for row in batches.batch(epoch * batches.batches_in_epoch + b).tokens.tolist()]
        texts.append(sorted(tokenizer.decode(row) for row in rows))
        cuts.append(sorted(tuple(i for i in row if i) for row in rows))
    assert texts[0] == texts[1] == sorted(tokenizer.decode(tokenizer.encode(b)) for _, b in PAIRS)
    assert len(set(cuts[0]) & set(cuts[1])) < len(cuts[0]) // 2


def test_processes_share_the_batch_of_the_whole_run(tokenizer):
    whole = stream(tokenizer).batch(5).tokens
    parts = [stream(tokenizer, rank=rank, world=3).batch(5).tokens for rank in range(3)]
    found = sorted(tuple(i for i in row if i) for part in parts for row in part.tolist())
    assert found == sorted(tuple(i for i in row if i) for row in whole.tolist())


def test_batches_keep_their_budget_on_average(tokenizer):
    batches = stream(tokenizer, share=0.1)
    sizes = [max(b.tokens.numel(), b.source.numel()) for b in map(batches.batch, range(2 * batches.batches_in_epoch))]
    assert np.mean(sizes) <= 1.1 * 400 and max(sizes) <= 1.5 * 400
    plain = TokenizedPairs.build(PAIRS, batches.objective).lengths
    assert 1.05 < batches.sampler.lengths.sum() / plain.sum() < 1.8


def test_what_would_be_too_long_stays_as_it_was(tokenizer):
    longest = int(TokenizedPairs.build(PAIRS, Translation().bind(tokenizer, tokenizer)).lengths.max())
    batches = stream(tokenizer, share=0.9, max_length=longest)
    seen = [batches.batch(step) for step in range(batches.batches_in_epoch)]
    assert max(max(b.tokens.shape[1], b.source.shape[1]) for b in seen) <= longest
    assert int(batches.sampler.lengths.max()) <= longest


def test_the_fingerprint_tells_the_share(tokenizer):
    assert len({stream(tokenizer, share).fingerprint for share in (0.1, 0.2)}) == 2


def test_other_tokenizers_are_refused():
    characters = Character().train(CORPUS)
    with pytest.raises(ConfigError, match=r"bpe_dropout: leaves out merges of BPE"):
        stream(characters)
