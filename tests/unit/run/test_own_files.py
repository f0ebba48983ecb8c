"""What is made to fit own files: only what nobody has asked for."""

from __future__ import annotations

import pytest

from anyformer.errors import ConfigError
from anyformer.run.own_files import fitting
from anyformer.run.prepare import learn_tokenizers
from anyformer.text import BPE, Character, Word


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"kind", "vocabulary", "batches"}),
        ({"train.max_steps": 3}, {"kind", "vocabulary", "batches"}),
        ({"tokenizer.kind": "Word"}, {"vocabulary", "batches"}),
        ({"tokenizer": "Byte"}, {"vocabulary", "batches"}),
        ({"tokenizer": {"kind": "BPE", "vocab_size": 900}}, {"batches"}),
        ({"tokenizer.vocab_size": 900}, {"kind", "batches"}),
        ({"tokenizer.joint": False}, {"kind", "vocabulary", "batches"}),
        ({"data.batch_tokens": 99}, {"kind", "vocabulary"}),
        ({"data.max_pairs": 9}, {"kind", "vocabulary", "batches"}),
    ],
)
def test_a_value_that_is_given_is_not_changed(changes: dict, expected: set) -> None:
    assert fitting(changes) == expected


PAIRS = [("the dog sees a cat .", "le chien voit un chat .")] * 3


@pytest.mark.parametrize(
    ("scheme", "fit", "expected"),
    [
        (Word(vocab_size=8000), {"vocabulary"}, "Word"),
        (Character(vocab_size=8000), {"vocabulary", "kind"}, "Character"),
        (BPE(vocab_size=8000), {"vocabulary", "kind"}, "Byte"),
        (BPE(vocab_size=8000), {"vocabulary"}, None),
        (BPE(vocab_size=8000), {"kind"}, None),
        (Word(vocab_size=8000), (), None),
    ],
)
def test_a_vocabulary_is_made_to_fit_as_far_as_it_may(scheme, fit, expected) -> None:
    if expected is None:
        with pytest.raises(ConfigError, match="more than this corpus can give"):
            learn_tokenizers(scheme, PAIRS, fit)
    else:
        assert learn_tokenizers(scheme, PAIRS, fit)[0].scheme.kind() == expected
