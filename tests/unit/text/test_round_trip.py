"""What is encoded and decoded is the text; text never becomes a special token; batches are as one by one."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from text_examples import CORPUS, LOSSLESS, SCHEMES

from anyformer.errors import InputError
from anyformer.text import BPE, Character, Normalization, Tokenizer, Unigram, Word

words = st.sampled_from(
    ["A man", " is", "  ", "l'été", "我们", "狗", "bicycle", "<s>", "</s>", "<unk>", "<0x41>", "<x>", "▁", "1999", "\n", "🙂", "\u0301", "\x00", "\x1f"]
)
texts = st.one_of(st.text(max_size=30), st.lists(st.one_of(words, st.text(max_size=3)), max_size=8).map("".join))

HARD = [
    "",
    " ",
    "   a   b   ",
    "\n\ta\r\n b",
    "👩‍👩‍👧 ❤️ 🇫🇷",
    "x<s>y</s> <pad> <0x41><0xE9>",
    "▁a ▁ ▁▁b",
    "我 我们love你 ",
    "ー々〇ﬁ½",
    "e\u0301 é",
    "\U0010ffff\ufffe\ufffd\x00\x1f",
    "Ġthe Ċ",
    "ab" * 3000,
]


@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("text", HARD)
def test_lossless_on_hard_texts(trained: dict[str, Tokenizer], kind: str, text: str) -> None:
    assert trained[kind].decode(trained[kind].encode(text)) == text


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_on_any_text(trained: dict[str, Tokenizer], kind: str) -> None:
    tokenizer = trained[kind]

    @settings(max_examples=150, deadline=None)
    @example("\u2581 <unk>")
    @given(texts)
    def check(text: str) -> None:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert not {0, 1, 2, 3} & set(ids)
        assert len(tokenizer.pieces(ids)) == len(ids)

    check()


@pytest.mark.parametrize("scheme", [BPE(vocab_size=400), Unigram(vocab_size=400), Character()], ids=lambda s: s.kind())
def test_lossless_but_for_the_normalization(scheme: BPE) -> None:
    tokenizer = scheme.override("normalization", {"nfkc": True, "lowercase": True, "moses_punctuation": True}).train(CORPUS)

    @settings(max_examples=100, deadline=None)
    @example("“Où” — ﬁn…  ")
    @given(texts)
    def check(text: str) -> None:
        assert tokenizer.decode(tokenizer.encode(text)) == tokenizer.normalize(text)

    check()


@settings(max_examples=20, deadline=None)
@given(st.lists(texts, max_size=5))
def test_batches_are_as_one_by_one(trained: dict[str, Tokenizer], batch: list[str]) -> None:
    for tokenizer in trained.values():
        ids = tokenizer.encode_batch(batch)
        assert ids == [tokenizer.encode(text) for text in batch]
        assert tokenizer.decode_batch(ids) == [tokenizer.decode(i) for i in ids]


def test_words_are_kept_with_their_spaces_and_unknown_ones_are_seen(trained: dict[str, Tokenizer]) -> None:
    word = trained["Word"]
    text = "A man isn't in the house; the dogs are!"
    assert word.decode(word.encode(text)) == text
    assert word.decode(word.encode("A zebra is riding a bicycle.")) == "A <unk> is riding a bicycle."
    assert word.decode(word.encode("zebra")) == "<unk>"
    assert word.unk_id in word.encode("A zebra")


def test_without_byte_fallback_the_unknown_is_unk() -> None:
    for scheme in (BPE(vocab_size=150, byte_fallback=False), Unigram(vocab_size=150, byte_fallback=False), Character(byte_fallback=False)):
        tokenizer = scheme.train(CORPUS)
        assert tokenizer.encode("a猫").count(tokenizer.unk_id) == 1
        assert tokenizer.decode(tokenizer.encode("a猫")) == "a<unk>"


@pytest.mark.parametrize("kind", SCHEMES)
def test_special_ids_are_skipped_and_unknown_ids_refused(trained: dict[str, Tokenizer], kind: str) -> None:
    tokenizer = trained[kind]
    ids = tokenizer.encode("A man is riding")
    assert tokenizer.decode([1, *ids[:2], 0, *ids[2:], 2, 0]) == "A man is riding"
    assert (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id) == (0, 1, 2, 3)
    assert [tokenizer.token(i) for i in range(4)] == ["<pad>", "<s>", "</s>", "<unk>"]
    assert tokenizer.pieces([1, 0, 2]) == ["<s>", "<pad>", "</s>"]
    for wrong in (-1, len(tokenizer)):
        with pytest.raises(InputError, match=f"id {wrong} is not in the vocabulary"):
            tokenizer.decode([wrong])


@pytest.mark.parametrize("kind", SCHEMES)
def test_half_a_surrogate_pair_is_an_input_error(trained: dict[str, Tokenizer], kind: str) -> None:
    with pytest.raises(InputError, match="character 3 is half a surrogate pair"):
        trained[kind].encode("ab\ud800")
    with pytest.raises(InputError, match="text 2.*character 1 is half a surrogate pair"):
        trained[kind].encode_batch(["ab", "\udfff"])


def test_named_special_tokens_follow_and_text_never_becomes_one() -> None:
    for scheme in SCHEMES.values():
        size = {"vocab_size": 450} if scheme.kind() in ("BPE", "ByteLevelBPE", "Unigram") else {}
        tokenizer = type(scheme)(special_tokens=("<extra_0>", "<fr>"), **size).train([*CORPUS, "<extra_0> <fr>"] * 2)
        assert (tokenizer.id("<extra_0>"), tokenizer.id("<fr>")) == (4, 5)
        assert tokenizer.special_ids == {"<pad>": 0, "<s>": 1, "</s>": 2, "<extra_0>": 4, "<fr>": 5}
        ids = tokenizer.encode("a <extra_0><fr> b")
        assert not {4, 5} & set(ids)
        assert tokenizer.decode([4, *tokenizer.encode("the man"), 5]) == "the man"


def test_words_are_normalised() -> None:
    tokenizer = Word(normalization=Normalization(lowercase=True)).train(CORPUS)
    assert tokenizer.normalize("A MAN") == "a man"
    assert tokenizer.pieces(tokenizer.encode("学习 THE Man")) == ["学", "习", "▁the", "▁man"]
