"""A piece a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from tokenizers import Regex, decoders, models, pre_tokenizers

from anyformer.spec import spec
from anyformer.text import corpus, jieba_words, splitting
from anyformer.text.character import most_frequent
from anyformer.text.scheme import Tokenization, sizes
from anyformer.text.tokenizer import Tokenizer, assemble
from anyformer.text.vocabulary import UNK, reserved_tokens


@spec
class Word(Tokenization):
    """A piece a word, a sign of punctuation or a digit. Not lossless: a word that is not in the vocabulary is `<unk>`, in decoded text too.

    Fields:
        vocab_size: number of ids, exactly, special tokens included: the most frequent words; None: all of them.
        min_frequency: a word is in the vocabulary only if it stands in the corpus at least so many times.
        split_digits: each digit is a piece of its own, so that no number is unknown.
        chinese: what a word is where words are not set apart: a character, or what the library jieba finds (pip install jieba). Programs other than this one
            that read tokenizer.json must then cut the Chinese with jieba themselves.
    """

    vocab_size: int | None = None
    min_frequency: int = 1
    split_digits: bool = True
    chinese: Literal["characters", "jieba"] = "characters"

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from super().problems()
        yield from sizes(vocab_size=self.vocab_size, min_frequency=self.min_frequency)

    def segmenter(self) -> Callable[[str], str] | None:
        return jieba_words.segmenter() if self.chinese == "jieba" else None

    def train(self, texts: Iterable[str]) -> Tokenizer:
        normalizer = [*self.normalization.steps(), *splitting.first_space()]
        splitter = splitting.word_splitter(self.split_digits, split_unspaced=self.chinese == "characters")
        if segment := self.segmenter():
            texts = map(segment, texts)
            splitter = pre_tokenizers.Sequence([pre_tokenizers.Split(jieba_words.BORDER, "removed"), splitter])
        counts = corpus.words(corpus.prepare(texts, normalizer), splitter)
        vocab = most_frequent(counts, reserved_tokens(self.special_tokens, byte_fallback=False), self.vocab_size, self.min_frequency)
        decoder = [decoders.Replace(Regex(rf"\A{UNK}\z"), f" {UNK}"), decoders.Fuse(), splitting.without_first_space()]
        return assemble(self, models.WordLevel(vocab, unk_token=UNK), normalizer=normalizer, pre_tokenizer=splitter, decoder=decoder)
