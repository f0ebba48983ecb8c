"""Tokenizers written for `AutoTokenizer`, and read from other tools' folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from anyformer.errors import ConversionError
from anyformer.interop.hf.tokenizer import generation_ids, never_written, read_tokenizer, write_tokenizer
from anyformer.text import BPE, Byte, ByteLevelBPE, Character, Tokenization, Tokenizer, Unigram

TEXTS = ["A man is riding a bicycle.", "The dog sees a red house", "été à la plage"] * 30
SCHEMES = [BPE(vocab_size=330), ByteLevelBPE(vocab_size=300), Unigram(vocab_size=300), Character(), Byte()]
TEXT = "A man sees été </s> 12!"


@pytest.mark.parametrize("scheme", SCHEMES, ids=[s.kind() for s in SCHEMES])
def test_ours_in_transformers(scheme: Tokenization, tmp_path: Path) -> None:
    ours = scheme.train(TEXTS)
    write_tokenizer(tmp_path, ours, ends=True)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs(TEXT).input_ids == [*ours.encode(TEXT), ours.eos_id]
    assert theirs.decode(theirs(TEXT).input_ids, skip_special_tokens=True) == ours.decode(ours.encode(TEXT))
    assert (theirs.pad_token_id, theirs.bos_token_id, theirs.eos_token_id, theirs.unk_token_id) == (0, 1, 2, 3)
    write_tokenizer(tmp_path, ours, ends=False)
    assert AutoTokenizer.from_pretrained(tmp_path)(TEXT).input_ids == ours.encode(TEXT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What `save_pretrained` writes for a tokenizer of its own: other special tokens in other places, a begin before each text."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = tokenizers.Tokenizer(models.BPE(vocab={c: i for i, c in enumerate([*letters, "th", "<|end|>", "<|begin|>"])}, merges=[("t", "h")]))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    backend.post_processor = processors.TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", 258)])
    PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<|begin|>", eos_token="<|end|>").save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "bos_token_id": 7, "eos_token_id": 8}))
    (tmp_path / "generation_config.json").write_text(json.dumps({"bos_token_id": 258, "eos_token_id": [257, 3]}))
    return tmp_path


def test_theirs_as_ours(folder: Path, tmp_path: Path) -> None:
    ours, theirs = read_tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    assert [*ours.begin, *ours.encode("the path")] == theirs("the path").input_ids
    assert ours.decode(ours.encode("the path, é")) == "the path, é"
    assert (ours.pad_id, ours.bos_id, ours.eos_id, ours.unk_id) == (257, 258, 257, -1)  # no padding of its own: the end serves
    assert never_written(ours) == [258] and ours.encode("<|end|>") != [257]
    ours.save(tmp_path / "kept.json")
    again = Tokenizer.load(tmp_path / "kept.json")
    assert again == ours and again.special == ours.special and again.begin == [258] and again.end == [257]


def test_theirs_written_again(folder: Path, tmp_path: Path) -> None:
    ours = read_tokenizer(folder)
    write_tokenizer(tmp_path / "again", ours, ends=True)
    (tmp_path / "again" / "config.json").write_text('{"model_type": "llama"}')
    assert AutoTokenizer.from_pretrained(tmp_path / "again")("the path").input_ids == AutoTokenizer.from_pretrained(folder)("the path").input_ids


def test_ids_by_the_names_of_tokens(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "generation_config.json").unlink()
    assert read_tokenizer(folder).special == (257, 258, 257, -1)


def test_the_start_of_a_decoder(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"is_encoder_decoder": True, "decoder_start_token_id": 5}))
    assert read_tokenizer(folder).bos_id == 5


def test_no_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ConversionError, match="has no tokenizer.json"):
        read_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConversionError, match="damaged or no tokenizer"):
        read_tokenizer(tmp_path)


def test_ids_for_generation() -> None:
    ours = Byte().train(TEXTS)
    assert generation_ids(ours, has_encoder=True) == {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "decoder_start_token_id": 1}
    assert generation_ids(None, has_encoder=False) == {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    assert never_written(ours) == [0, 1, 3]
