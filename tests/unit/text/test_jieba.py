"""Chinese words by jieba, which is optional: a stand-in shows what is done with the words it finds."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest

from anyformer.errors import ConfigError
from anyformer.text import Tokenizer, Word

CORPUS = ["我们喜欢学习。 I love 学习", "我们学习 I"] * 2


def cut(text: str) -> Iterator[str]:
    while text:
        n = next((n for n in (2, 1) if text[:n] in ("我们", "喜欢", "学习")), 1)
        yield text[:n]
        text = text[n:]


@pytest.fixture
def jieba(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("jieba")
    module.cut, module.setLogLevel = cut, lambda level: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jieba", module)


def test_words_are_those_of_jieba(jieba: None) -> None:
    tokenizer = Word(chinese="jieba").train(CORPUS)
    ids = tokenizer.encode("我们喜欢学习。 I love 学习")
    assert tokenizer.pieces(ids) == ["我们", "喜欢", "学习", "。", "▁I", "▁love", "▁", "学习"]
    assert tokenizer.decode(ids) == "我们喜欢学习。 I love 学习"
    assert tokenizer.encode_batch(CORPUS) == [tokenizer.encode(text) for text in CORPUS]
    assert Tokenizer.from_json(tokenizer.to_json()) == tokenizer


def test_without_jieba_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(ConfigError, match="pip install jieba"):
        Word(chinese="jieba").train(CORPUS)
