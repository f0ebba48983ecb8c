"""Labels of pieces are readable, one for each id; statistics count what they say."""

from __future__ import annotations

import pytest
from text_examples import CORPUS
from tokenizers import pre_tokenizers

from anyformer.errors import InputError
from anyformer.text import Byte, Character, Tokenizer, Word, statistics
from anyformer.text.pieces import byte_letters


@pytest.mark.parametrize("kind", ["BPE", "ByteLevelBPE", "Unigram"])
def test_letters_are_readable_where_they_are_bytes(trained: dict[str, Tokenizer], kind: str) -> None:
    tokenizer = trained[kind]
    assert "".join(tokenizer.pieces(tokenizer.encode("The man, été"))) == "▁The▁man,▁été"
    assert tokenizer.pieces(tokenizer.encode("犬"))[-3:] == ["犬[1/3]", "犬[2/3]", "犬[3/3]"]


def test_byte_labels() -> None:
    tokenizer = Byte().train([])
    ids = tokenizer.encode("aé \n")
    assert tokenizer.pieces(ids) == ["a", "é[1/2]", "é[2/2]", "▁", "\\n"]
    assert tokenizer.pieces(ids[1:2]) == ["<0xC3>"]
    assert tokenizer.pieces([*ids[1:2], 2, *ids[2:3]]) == ["<0xC3>", "</s>", "<0xA9>"]
    assert tokenizer.decode(ids[1:2]) == "�"


def test_the_table_of_byte_letters_is_that_of_gpt2() -> None:
    for byte in [b for b in range(128)]:
        [(letter, _)] = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(chr(byte))
        assert byte_letters()[letter] == byte
    assert set(byte_letters()) == set(pre_tokenizers.ByteLevel.alphabet()) and sorted(byte_letters().values()) == list(range(256))


def test_statistics_by_hand() -> None:
    found = statistics(Word(vocab_size=7).train(["a a a b b c d"]), ["a b zz 中文", "a"])
    assert (found.texts, found.words, found.pieces) == (2, 6, 7)  # a, b, zz, 中, 文 and a; the space before 中 is a piece
    assert found.unknown_share == 4 / 7 and found.byte_share == 0
    assert found.used_share == 2 / 3
    assert found.lengths == {50: 1, 90: 6, 95: 6, 99: 6, 100: 6}
    found = statistics(Character().train(["ab"]), ["abé"])
    assert (found.characters, found.pieces, found.byte_share, found.used_share) == (3, 4, 0.5, 1.0)
    assert found.pieces_per_character == 4 / 3 and found.pieces_per_word == 4


def test_statistics_of_nothing_are_refused(trained: dict[str, Tokenizer]) -> None:
    with pytest.raises(InputError, match="no text"):
        statistics(trained["BPE"], ["", ""])


def test_learned_pieces_shorten_the_text(trained: dict[str, Tokenizer]) -> None:
    assert statistics(trained["Unigram"], CORPUS).pieces < 0.4 * statistics(trained["Character"], CORPUS).pieces
    assert statistics(trained["BPE"], CORPUS).pieces < 0.6 * statistics(trained["Byte"], CORPUS).pieces
