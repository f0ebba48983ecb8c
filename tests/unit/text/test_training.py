"""Vocabularies have exactly the size asked for, depend on nothing but the corpus, and pieces stay within words."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from text_examples import CORPUS, SCHEMES

from anyformer.errors import ConfigError, InputError
from anyformer.text import (
    BPE,
    Byte,
    ByteLevelBPE,
    Character,
    Normalization,
    Tokenization,
    Tokenizer,
    Unigram,
    Word,
    load_pair,
    read_lines,
    save_pair,
    statistics,
    train_pair,
)
from anyformer.text.vocabulary import byte_of


@pytest.mark.parametrize("kind", [BPE, ByteLevelBPE, Unigram])
@pytest.mark.parametrize("size", [350, 373, 401])
def test_vocabulary_has_exactly_the_size(kind: type[Tokenization], size: int) -> None:
    tokenizer = kind.from_dict({"vocab_size": size}).train(CORPUS)
    assert tokenizer.vocab_size == len(tokenizer) == size
    assert max(itertools.chain(*tokenizer.encode_batch(CORPUS))) < size


def test_words_and_characters_are_the_most_frequent() -> None:
    tokenizer = Word(vocab_size=7).train(["b b b a a c", "b d d d d"])
    assert [tokenizer.token(i) for i in range(4, 7)] == [" b", " d", " a"]
    tokenizer = Character(vocab_size=4 + 2, byte_fallback=False).train(["bbbaac"])
    assert [tokenizer.token(i) for i in range(4, 6)] == ["b", "a"]
    assert Character(min_frequency=2, byte_fallback=False).train(["bbbaac"]).vocab_size == 6
    assert Byte().train([]).vocab_size == 260


PROGRAM = """
import hashlib, sys
from text_examples import CORPUS, SCHEMES
print(" ".join(hashlib.sha256(scheme.train(CORPUS).to_json().encode()).hexdigest() for scheme in SCHEMES.values()))
"""


def test_training_is_deterministic_across_processes() -> None:
    def run(seed: str, threads: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        return subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True).stdout

    first, second = run("1", "1"), run("2", "2")
    assert first == second and len(first.split()) == len(SCHEMES)


def test_order_of_the_texts_does_not_matter() -> None:
    for scheme in SCHEMES.values():
        assert scheme.train(reversed(CORPUS)) == scheme.train(CORPUS)


@pytest.mark.parametrize("kind", ["BPE", "Unigram", "Word"])
def test_no_piece_crosses_the_border_of_a_word(trained: dict[str, Tokenizer], kind: str) -> None:
    tokenizer = trained[kind]
    pieces = [tokenizer.token(i) for i in range(4, len(tokenizer)) if byte_of(tokenizer.token(i)) is None]
    whole = re.compile(r" ?(\d|[^\W\d_]+|[^\w\s]|_)|\s+")
    assert [piece for piece in pieces if not whole.fullmatch(piece)] == []
    mixed = re.compile("[\u4e00-\u9fff].*[ a-z]|[ a-z].*[\u4e00-\u9fff]")
    assert [piece for piece in pieces if mixed.search(piece)] == []


def test_digits_alone_or_as_numbers() -> None:
    corpus = ["In 1999 and 1999 and 1999"] * 5
    alone, numbers = BPE(vocab_size=273).train(corpus), BPE(vocab_size=276, split_digits=False).train(corpus)
    assert alone.pieces(alone.encode("1999")) == ["▁1", "9", "9", "9"]
    assert numbers.pieces(numbers.encode("1999")) == ["▁1999"]


def test_chinese_is_cut_into_frequent_runs_or_characters() -> None:
    words = ["我们", "学习", "喜欢", "中文", "房子", "他"]
    corpus = ["".join(sentence) for sentence in itertools.product(words, repeat=3)]
    for scheme in (BPE(vocab_size=4 + 256 + 16), Unigram(vocab_size=4 + 256 + 16)):  # eleven characters and five words of two
        tokenizer = scheme.train(corpus)
        assert tokenizer.pieces(tokenizer.encode("我们他喜欢学习中文")) == ["我们", "他", "喜欢", "学习", "中文"]
    word = Word().train(corpus)
    assert word.pieces(word.encode("我们学习")) == ["我", "们", "学", "习"]


def test_rare_characters_are_left_to_the_bytes() -> None:
    corpus = ["ab " * 300 + "猫"]
    for kind in (BPE, Unigram):
        scheme = kind(vocab_size=264, character_coverage=0.99)
        tokenizer = scheme.train(corpus)
        assert tokenizer.id("猫") is None and tokenizer.id("a") is not None
        assert tokenizer.decode(tokenizer.encode("a猫b")) == "a猫b"
        assert kind(vocab_size=265).train(corpus).id("猫") is not None


def test_one_character_and_bytes_for_all_else() -> None:
    tokenizer = Unigram(vocab_size=261, character_coverage=0.1).train(["abc cab bca b"])
    assert tokenizer.id(" ") == 260
    assert tokenizer.decode(tokenizer.encode("abc")) == "abc"


def test_nothing_is_joined_across_a_rare_character() -> None:
    tokenizer = BPE(vocab_size=265, character_coverage=0.99, min_frequency=1).train(["a猫b"] + ["a b"] * 100)
    assert tokenizer.id(" a") is not None
    with pytest.raises(ConfigError, match="lower vocab_size to 265"):  # a, b, space, and " a", " b"; never "ab"
        BPE(vocab_size=300, character_coverage=0.99, min_frequency=1).train(["a猫b"] + ["a b"] * 100)


# ---- what people get wrong


@pytest.mark.parametrize(
    "scheme", [BPE(vocab_size=5000), ByteLevelBPE(vocab_size=5000), Unigram(vocab_size=5000), Word(vocab_size=5000), Character(vocab_size=5000)]
)
def test_too_large_a_vocabulary_is_refused_with_the_size_that_can_be_had(scheme: BPE) -> None:
    with pytest.raises(ConfigError, match="5,000 is more than this corpus can give") as caught:
        scheme.train(CORPUS)
    assert [p.path for p in caught.value.problems] == ["vocab_size"]
    size = int(re.search(r"lower vocab_size to ([\d,]+)", str(caught.value))[1].replace(",", ""))  # type: ignore[index]
    assert scheme.override("vocab_size", size).train(CORPUS).vocab_size == size
    with pytest.raises(ConfigError):
        scheme.override("vocab_size", size + 1).train(CORPUS)


@pytest.mark.parametrize("scheme", [BPE(vocab_size=300), ByteLevelBPE(vocab_size=100), Unigram(vocab_size=300), Word(vocab_size=4), Character(vocab_size=260)])
def test_too_small_a_vocabulary_is_refused_with_the_size_that_is_needed(scheme: BPE) -> None:
    with pytest.raises(ConfigError, match="too small") as caught:
        scheme.train(CORPUS)
    size = int(re.search(r"raise vocab_size to ([\d,]+)", str(caught.value))[1].replace(",", ""))  # type: ignore[index]
    tokenizer = scheme.override("vocab_size", size).train(CORPUS)
    assert tokenizer.vocab_size == size


@pytest.mark.parametrize("kind", [k for k in SCHEMES if k != "Byte"])
@pytest.mark.parametrize("texts", [[], ["", " \n"]])
def test_an_empty_corpus_is_refused(kind: str, texts: list[str]) -> None:
    with pytest.raises(InputError, match="no text"):
        SCHEMES[kind].train(texts)


def test_a_text_that_is_no_unicode_is_refused_by_number() -> None:
    with pytest.raises(InputError, match="text 2: .*character 2 is half"):
        BPE().train(["fine", "a\udc80"])


def test_impossible_configs_are_refused_all_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        BPE(vocab_size=0, min_frequency=-1, character_coverage=1.5, special_tokens=("<s>", "extra", "<0x41>", "<a b>"))
    paths = [p.path for p in caught.value.problems]
    assert paths == ["special_tokens"] * 4 + ["vocab_size", "min_frequency", "character_coverage"]
    with pytest.raises(ConfigError, match="twice"):
        Byte(special_tokens=("<a>", "<a>"))


# ---- two languages


def test_joint_and_separate_vocabularies(tmp_path_factory: pytest.TempPathFactory) -> None:
    english, french = CORPUS[:3] * 2, CORPUS[3:6] * 2
    source, target = train_pair(BPE(vocab_size=310), english, iter(french))
    assert source is target and source == BPE(vocab_size=310).train(english + french)
    joint = tmp_path_factory.mktemp("joint")
    save_pair(joint, source, target)
    again = load_pair(joint)
    assert again[0] is again[1] and again[0] == source

    source, target = train_pair(BPE(vocab_size=310, joint=False), english, french)
    assert source == BPE(vocab_size=310, joint=False).train(english) and target == BPE(vocab_size=310, joint=False).train(french)
    separate = tmp_path_factory.mktemp("separate")
    save_pair(separate, source, target)
    assert sorted(p.name for p in separate.iterdir()) == ["source_tokenizer.json", "target_tokenizer.json"]
    assert load_pair(separate) == (source, target)
    (separate / "target_tokenizer.json").unlink()
    with pytest.raises(InputError, match="holds no tokenizer"):
        load_pair(separate)


# ---- real corpora


def test_which_side_cannot_have_its_vocabulary_is_said() -> None:
    few, many = ["a b"], [" ".join(chr(c) for c in range(0x4E00, 0x4F00))]
    with pytest.raises(ConfigError) as caught:
        train_pair(Word(vocab_size=100, joint=False), few, many)
    assert [p.message.endswith("(of the source side)") for p in caught.value.problems] == [True]
    with pytest.raises(ConfigError) as caught:
        train_pair(Word(vocab_size=1000, joint=False), few, many)
    assert [p.message.rpartition(" (")[2] for p in caught.value.problems] == ["of the source side)", "of the target side)"]


def test_the_vocabulary_of_multi30k(multi30k: Path) -> None:
    lines = [line for language in ("en", "fr") for line in read_lines(multi30k / f"train.{language}")]
    tokenizer = BPE(vocab_size=9537, normalization=Normalization(lowercase=True)).train(lines)
    assert tokenizer.vocab_size == 9537
    lines = lines[::20]
    found = statistics(tokenizer, lines)
    assert found.byte_share == found.unknown_share == 0 and found.pieces_per_word < 1.25
    assert tokenizer.decode_batch(tokenizer.encode_batch(lines)) == [line.lower() for line in lines]


def test_a_vocabulary_of_chinese_and_english(tatoeba: Path) -> None:
    columns = [line.split("\t") for line in read_lines(tatoeba / "train.tsv")]
    lines = [column[i] for i in (0, 1) for column in columns]
    tokenizer = BPE(vocab_size=8000, character_coverage=0.9995).train(lines)
    lines = lines[::20]
    assert tokenizer.decode_batch(tokenizer.encode_batch(lines)) == lines
    assert statistics(tokenizer, [column[1] for column in columns[::20]]).pieces_per_character < 0.7
