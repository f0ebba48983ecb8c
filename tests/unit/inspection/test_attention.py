from __future__ import annotations

import json

import pytest
import torch

from anyformer import architectures
from anyformer.decoding import SearchConfig, Translator
from anyformer.errors import InputError
from anyformer.inspection import attention_of
from anyformer.text import Byte

SOURCE, TARGET = "a cat", "un chat"


@pytest.fixture(scope="module")
def translator():
    tokenizer = Byte().train([SOURCE, TARGET])
    torch.manual_seed(0)
    model = architectures.get("transformer-tiny", vocab_size=len(tokenizer), d_model=32, n_layers=2, n_heads=4, d_ff=16, norm="pre").build()
    return Translator(model, tokenizer, tokenizer, search=SearchConfig(beam=2, max_length=4), max_source_length=20)


def test_every_layer_and_head_is_there_with_its_labels(translator):
    maps = attention_of(translator, f" {SOURCE}\n", TARGET)
    s, t = len(SOURCE) + 1, len(TARGET) + 1
    assert [tuple(m.shape) for m in maps.encoder] == [(4, s, s)] * 2
    assert [tuple(m.shape) for m in maps.decoder] == [(4, t, t)] * 2
    assert [tuple(m.shape) for m in maps.cross] == [(4, t, s)] * 2
    assert maps.source == (*"a▁cat", "</s>") and maps.written == (*"un▁chat", "</s>") and maps.read == ("<s>", *"un▁chat")
    for layer in (*maps.encoder, *maps.decoder, *maps.cross):
        assert torch.allclose(layer.sum(-1), torch.ones(layer.shape[:2]), atol=1e-5)
    assert all(torch.equal(layer, layer.tril()) for layer in maps.decoder)
    assert any(not torch.equal(layer, layer.tril()) for layer in maps.encoder)


def test_the_weights_are_those_of_the_equation(translator):
    maps = attention_of(translator, SOURCE, TARGET)
    model, attention = translator.model, translator.model.encoder.layers[0].attention
    seen = []
    hook = attention.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    attention_of(translator, SOURCE, TARGET)
    hook.remove()
    x = seen[0].clone()  # no inference tensor any more
    q, k = (part(x).unflatten(-1, (4, 8)).transpose(1, 2) for part in (attention.query, attention.key))
    assert torch.allclose(maps.encoder[0], ((q @ k.transpose(-1, -2)) / 8**0.5).softmax(-1)[0], atol=1e-5)
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_without_a_translation_it_makes_one(translator):
    made = translator.translate([SOURCE])[0]
    maps = attention_of(translator, SOURCE)
    assert maps.translation == made.text and len(maps.written) == len(made.ids) + 1
    assert len(attention_of(translator, SOURCE, beam=1, max_length=2, min_length=2).written) == 3


def test_it_is_plain_data(translator):
    data = json.loads(json.dumps(attention_of(translator, SOURCE, TARGET).to_dict()))
    assert len(data["cross"]) == 2 and len(data["cross"][0]) == 4 and len(data["cross"][0][0]) == len(data["written"])


@pytest.mark.parametrize("text, message", [("  ", "empty"), ("a" * 30, "one sentence")])
def test_texts_that_cannot_be_shown(translator, text, message):
    with pytest.raises(InputError, match=message):
        attention_of(translator, text)
