"""Text to ids and back: schemes to learn a vocabulary by, and the tokenizer that they make.

tokenizer = BPE(vocab_size=8000).train(lines)
ids = tokenizer.encode("A man is riding a bicycle.")
tokenizer.decode(ids), tokenizer.pieces(ids)
tokenizer.save("tokenizer.json")
"""

from anyformer.text.byte_pair import BPE, ByteLevelBPE
from anyformer.text.character import Byte, Character
from anyformer.text.files import read_lines
from anyformer.text.fitting import train_to_fit
from anyformer.text.normalization import Normalization
from anyformer.text.pair import load_pair, save_pair, train_pair
from anyformer.text.scheme import Tokenization
from anyformer.text.statistics import Statistics, statistics
from anyformer.text.tokenizer import Tokenizer
from anyformer.text.unigram import Unigram
from anyformer.text.word import Word

__all__ = [
    "BPE",
    "Byte",
    "ByteLevelBPE",
    "Character",
    "Normalization",
    "Statistics",
    "Tokenization",
    "Tokenizer",
    "Unigram",
    "Word",
    "load_pair",
    "read_lines",
    "save_pair",
    "statistics",
    "train_pair",
    "train_to_fit",
]
