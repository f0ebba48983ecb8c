"""Decoders go on from prompts as encoder-decoders from a memory: with a cache, without one, padded, by beam, sampled, streamed."""

from __future__ import annotations

import pytest
import torch
from variants import VOCAB, attention, block, decoder, randomised

from anyformer import architectures
from anyformer.batch import Batch
from anyformer.decoding.beam import beam_search
from anyformer.decoding.context import read, room_of
from anyformer.decoding.generator import Generator
from anyformer.decoding.greedy import greedy
from anyformer.decoding.hypothesis import Special
from anyformer.decoding.scoring import score_batch
from anyformer.decoding.search_config import SearchConfig
from anyformer.decoding.steps import OverMemory, WithoutCache, steps_from
from anyformer.decoding.translator import Translator
from anyformer.errors import InputError
from anyformer.model.model import Model
from anyformer.parts.embedding import Embedding
from anyformer.parts.mask import Causal, Mask
from anyformer.parts.position import Learned
from anyformer.parts.rotary import Rotary
from anyformer.text import Byte

SPECIAL = Special()
PROMPTS = [[5, 6, 7, 8, 9], [10, 11], [12, 13, 14]]
CPU = torch.device("cpu")


@pytest.fixture(params=["causal, rotary", "prefix, learned"])
def model(request: pytest.FixtureRequest) -> Model:
    if request.param == "causal, rotary":
        return randomised(decoder(block(attention=attention(mask=Causal(), position=Rotary.Config()))))
    prefix = attention(mask=Mask.from_text("Causal() | Prefix()"))
    return randomised(decoder(block(attention=prefix), embedding=Embedding.Config(position=Learned.Config(length=30))))


def next_log_probs(model: Model, prompt: list[int], written: list[int]) -> torch.Tensor:
    """Of the token after `written`, by one pass over everything."""
    tokens = torch.tensor([prompt + written])
    prefix = torch.arange(tokens.shape[1]).unsqueeze(0) < len(prompt)
    return model(Batch(tokens=tokens, prefix=prefix)).logits[0, -1].log_softmax(-1)


@torch.no_grad()
def test_greedy_writes_what_one_pass_at_a_time_says(model: Model) -> None:
    config = SearchConfig(max_length=6)
    found = greedy(model, read(model, PROMPTS, SPECIAL, CPU), [6, 6, 6], config)
    for prompt, hypotheses in zip(PROMPTS, found, strict=True):
        written: list[int] = []
        total = 0.0
        for t in range(7):
            log_probs = next_log_probs(model, prompt, written)
            log_probs[[SPECIAL.pad, SPECIAL.bos]] = float("-inf")
            if t == 0:
                log_probs[SPECIAL.eos] = float("-inf")  # min_length
            token = SPECIAL.eos if t == 6 else int(log_probs.argmax())
            total += float(log_probs[token])
            if token == SPECIAL.eos:
                break
            written.append(token)
        assert list(hypotheses[0].ids) == written
        assert hypotheses[0].log_prob == pytest.approx(total, abs=1e-3)


@torch.no_grad()
def test_a_beam_scores_as_forced_decoding_does(model: Model) -> None:
    config = SearchConfig(beam=4, n_best=3, max_length=5)
    found = beam_search(model, read(model, PROMPTS, SPECIAL, CPU), [5, 5, 5], config)
    for prompt, hypotheses in zip(PROMPTS, found, strict=True):
        assert len({h.ids for h in hypotheses}) == 3
        for h in hypotheses:
            assert score_batch(model, [prompt], [list(h.ids)], SPECIAL, CPU)[0].log_prob == pytest.approx(h.log_prob, abs=1e-3)


@torch.no_grad()
def test_without_a_cache_the_same(model: Model) -> None:
    context = read(model, PROMPTS, SPECIAL, CPU)
    cached, plain = steps_from(model, context, 2, 4), WithoutCache(model, context, 2)
    tokens = torch.zeros(6, dtype=torch.int64)
    for step in range(4):
        one, other = cached.logits(tokens), plain.logits(tokens)
        assert torch.allclose(one, other, atol=1e-3), step
        tokens = torch.arange(4, 10) + step
        for steps in (cached, plain):
            steps.keep(torch.tensor([1, 0, 3, 3, 4, 5]))


@torch.no_grad()
def test_over_a_memory_without_a_cache_the_same() -> None:
    model = randomised(architectures.get("transformer-tiny", vocab_size=VOCAB, d_model=32, n_heads=4, d_ff=64, n_layers=2))
    context = read(model, PROMPTS, SPECIAL, CPU)
    cached, plain = steps_from(model, context, 2, 4), OverMemory(model, context, 2)
    tokens = torch.zeros(6, dtype=torch.int64)
    for step in range(4):
        one, other = cached.logits(tokens), plain.logits(tokens)
        assert torch.allclose(one, other, atol=1e-3), step
        rows, left = (
            (torch.tensor([1, 0, 4, 4]), torch.tensor([0, 2])) if step == 1 else (torch.arange(len(tokens)).flip(0).view(-1, 2).flip(0).flatten(), None)
        )
        for steps in (cached, plain):
            steps.keep(rows, left)
        tokens = torch.arange(4, 4 + len(rows)) + step


@torch.no_grad()
def test_experts_that_drop_tokens_of_a_whole_text_write_as_if_each_text_ended_here() -> None:
    model = randomised(architectures.get("switch-base-8", scale="tiny", vocab_size=VOCAB))
    assert "cached" not in model.guaranteed
    found = beam_search(model, read(model, PROMPTS, SPECIAL, CPU), [4, 4, 4], SearchConfig(beam=2, max_length=4))
    for prompt, hypotheses in zip(PROMPTS, found, strict=True):
        best, total = hypotheses[0], 0.0
        for i, token in enumerate([*best.ids, SPECIAL.eos]):
            logits = model.logits(torch.tensor([prompt]), decoder_input_ids=torch.tensor([[SPECIAL.bos, *best.ids[:i]]]))
            total += float(logits[0, -1].log_softmax(-1)[token])
        assert total == pytest.approx(best.log_prob, abs=1e-3)


class Letters:
    """A tokenizer: id 4 is a, 5 is b, ..."""

    pad_id, bos_id, eos_id, unk_id = range(4)

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        return [[ord(c) - 93 for c in text] for text in texts]

    def decode(self, ids: list[int]) -> str:
        return "".join(chr(i + 93) for i in ids if i > 3)


def test_texts_in_texts_out_and_as_they_are_written(model: Model) -> None:
    generator = Generator(model, Letters(), room=room_of(model))
    together = generator.generate(["bcde", "fg", "h"], max_length=7)
    alone = [generator.generate([p], max_length=7)[0] for p in ("bcde", "fg", "h")]
    assert [c[0].ids for c in together] == [c[0].ids for c in alone]
    told: list[str] = []
    again = generator.generate(["bcde"], max_length=7, on_text=told.append)
    assert "".join(told) == again[0][0].text == together[0][0].text and len(told) > 1


def test_draws_repeat_and_differ(model: Model) -> None:
    generator = Generator(model, Letters())
    drawn = generator.generate(["bcd"], temperature=1.5, n_best=3, max_length=8, seed=3)[0]
    assert drawn == generator.generate(["bcd"], temperature=1.5, n_best=3, max_length=8, seed=3)[0]
    assert len({c.text for c in drawn}) > 1


def test_what_cannot_be_continued() -> None:
    short = randomised(decoder(block(), embedding=Embedding.Config(position=Learned.Config(length=6))))
    generator = Generator(short, Letters(), room=room_of(short))
    assert len(generator.generate(["abc"])[0][0].ids) <= 3
    with pytest.raises(InputError, match="room for 6"):
        generator.generate(["abcdef"])
    with pytest.raises(InputError, match="is empty"):
        generator.generate([""])
    with pytest.raises(InputError, match="without a beam"):
        generator.generate(["a"], beam=2, on_text=print)
    assert VOCAB == 31


def test_translations_and_scores_stay_within_the_table_of_positions() -> None:
    short = randomised(decoder(block(), embedding=Embedding.Config(position=Learned.Config(length=10))))
    tokenizer = Byte().train(["abc"])
    short = randomised(short.config.override("vocab_size", tokenizer.vocab_size))
    translator = Translator(short, tokenizer, tokenizer, search=SearchConfig(max_length=50), max_source_length=8)
    assert translator.max_source_length == 5
    for found in translator.translate(["abcd", "a", "abcdabcdabcd"], beam=2):
        assert found.text is not None
    assert max(len(t.ids) for t in translator.translate(["abcd", "a"])) <= 8
    assert translator.can_score([("abcd", "abcde"), ("abcd", "abcdef"), ("a", "a")]) == [True, False, True]
    with pytest.raises(InputError, match="position 10 is outside the model's table of 10 positions, 0 to 9; give shorter texts"):
        short(Batch(tokens=torch.ones(1, 11, dtype=torch.int64)))
    with pytest.raises(InputError, match="position -1"):
        short(Batch(tokens=torch.ones(1, 2, dtype=torch.int64), positions=torch.tensor([[-1, 0]])))
