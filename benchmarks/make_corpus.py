"""Multi30k English-French as token ids, the same for every toolkit: lower-cased, joint BPE of exactly `VOCAB_SIZE` entries."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

sys.path.insert(0, str(Path(__file__).parent / "contenders"))
from shape import VOCAB_SIZE, Corpus  # noqa: E402  (the contenders' folder is no package: each runs in its own environment)

MAX_LENGTH = 128  # ids a side; no sentence of this corpus is as long


def read(folder: Path, name: str) -> list[str]:
    return (folder / name).read_text(encoding="utf-8").splitlines()


def make(folder: Path) -> Corpus:
    """`folder` holds train.en, train.fr and test_2016_flickr.en of github multi30k/dataset, data/task1/raw."""
    english, french, test = (read(folder, name) for name in ("train.en", "train.fr", "test_2016_flickr.en"))
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["<pad>", "<s>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(
        english + french, trainers.BpeTrainer(vocab_size=VOCAB_SIZE, special_tokens=special, end_of_word_suffix="</w>", show_progress=False)
    )
    assert tokenizer.get_vocab_size() == VOCAB_SIZE, tokenizer.get_vocab_size()

    def encode(lines: list[str]) -> Iterator[list[int]]:
        return (e.ids for e in tokenizer.encode_batch(lines))

    pairs = [(source, target) for source, target in zip(encode(english), encode(french), strict=True) if source and target]
    assert all(max(len(source), len(target)) < MAX_LENGTH for source, target in pairs)
    return Corpus(pairs, list(encode(test)))
