"""Objectives of one stack: what is read, what is predicted, what is hidden."""

from __future__ import annotations

import pytest
import tokenizers
import torch

from anyformer import architectures
from anyformer.data import DataConfig, Named
from anyformer.data.objectives import CausalLM, Example, MaskedLM, PrefixLM
from anyformer.errors import ConfigError
from anyformer.text import Byte, Tokenizer

TOKENIZER = Byte().train(["abc"])
PAIRS = [Example([10, 11, 2], [20, 21]), Example([12, 2], [22])]


def test_a_prefix_is_open_and_only_the_target_counts() -> None:
    batch = PrefixLM().bind(TOKENIZER, TOKENIZER).collate(PAIRS)
    assert batch.tokens.tolist() == [[10, 11, 2, 20, 21], [12, 2, 22, 0, 0]]
    assert batch.targets is not None and batch.targets.tolist() == [[11, 2, 20, 21, 2], [2, 22, 2, 0, 0]]
    assert batch.weights is not None and batch.weights.tolist() == [[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]]
    assert batch.prefix is not None and batch.prefix.tolist() == [[True, True, True, False, False], [True, True, False, False, False]]
    assert batch.padding == "right" and batch.segments is not None and batch.segments.tolist() == [[1] * 5, [1, 1, 1, 0, 0]]


def test_a_causal_model_learns_the_source_too() -> None:
    batch = CausalLM().bind(TOKENIZER, TOKENIZER).collate(PAIRS)
    assert batch.weights is not None and batch.weights.tolist() == [[1] * 5, [1, 1, 1, 0, 0]]


@pytest.mark.parametrize("objective", [CausalLM(), PrefixLM(), MaskedLM()])
def test_cut_examples_fit_and_end_their_source(objective: CausalLM) -> None:
    bound = objective.bind(TOKENIZER, TOKENIZER, 6)
    for example in (Example([10] * 9 + [2], [20]), Example([10, 2], [20] * 9), Example([10, 2], [20])):
        cut = bound.cut(example)
        assert max(bound.lengths(cut)) <= 6 and cut.source[-1] == 2
        assert bound.collate([cut]).tokens.shape[1] <= 6


def test_words_are_hidden_by_text_and_draw() -> None:
    bound = MaskedLM(share=0.4).bind(TOKENIZER, TOKENIZER)
    examples = [Example([*range(10, 60), 2], [*range(70, 120)]) for _ in range(20)]
    one, again, other = bound.collate(examples, 7), bound.collate(examples, 7), bound.collate(examples, 8)
    assert torch.equal(one.tokens, again.tokens) and not torch.equal(one.tokens, other.tokens)
    assert one.targets is not None and one.weights is not None and one.token_types is not None
    chosen = one.weights.bool()
    assert torch.equal(one.tokens[~chosen], one.targets[~chosen])
    assert 0.36 < chosen.float().mean() < 0.44
    hidden = (one.tokens[chosen] == TOKENIZER.unk_id).float().mean()
    same = (one.tokens[chosen] == one.targets[chosen]).float().mean()
    assert 0.75 < hidden < 0.85 and 0.06 < same < 0.15
    assert not chosen[one.targets == TOKENIZER.eos_id].any()
    assert one.token_types[0].tolist() == [0] * 51 + [1] * 51
    assert bound.collate([Example([10, 2], [])], 1).weights.sum() == 1  # type: ignore[union-attr]


def test_an_imported_tokenizer_sets_its_mark_before_and_has_its_own_mask() -> None:
    """As BERT's: [CLS] source [SEP] target [SEP], holes are [MASK]."""
    words = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "[MASK]": 4} | {f"w{i}": 5 + i for i in range(60)}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    backend.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"])
    backend.post_processor = tokenizers.processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    tokenizer = Tokenizer(backend, special=(0, 1, 2, 3))
    bound = MaskedLM(share=0.5).bind(tokenizer, tokenizer, 200)
    text = " ".join(f"w{i}" for i in range(60))
    example = bound.example((text, text))
    assert example.source == [1, *range(5, 65), 2] and [example] == bound.examples([(text, text)])
    batch = bound.collate([example])
    assert batch.targets is not None and batch.weights is not None and batch.token_types is not None
    assert batch.targets[0].tolist() == [1, *range(5, 65), 2, *range(5, 65), 2] and bound.lengths(example) == (123,)
    assert batch.weights[0, [0, 61, 122]].sum() == 0 and batch.token_types[0].tolist() == [0] * 62 + [1] * 61
    chosen = batch.tokens[batch.weights.bool()]
    assert (chosen == 4).float().mean() > 0.6 and not (chosen == 3).any()
    assert bound.cut(bound.example((text, text * 9))).source == example.source


def test_objectives_say_which_model_they_need() -> None:
    both, encoder = architectures.get("transformer-tiny"), architectures.get("bert-base", d_model=24, n_heads=2)
    assert "of one stack" in CausalLM().misfits(both)[0].message
    assert "needs a model with decoder" in PrefixLM().misfits(encoder)[0].message
    assert PrefixLM().misfits(encoder)[0].message.endswith("take objective: MaskedLM")  # the way out is said
    assert MaskedLM().misfits(encoder) == []
    with pytest.raises(ConfigError, match="share a vocabulary"):
        CausalLM().bind(TOKENIZER, Byte().train(["abc"]))
    with pytest.raises(ConfigError, match="more than"):
        MaskedLM(hidden=0.9, exchanged=0.2)
    assert DataConfig(corpus=Named(name="phrasebook")).length_limit == 256
