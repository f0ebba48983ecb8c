"""From raw text to batches: corpora, cleaning, splits, tokenised datasets, objectives and the sampler.

splits = load_splits(DataConfig(corpus=Named(name="multi30k", source="en", target="fr")))
bound = Translation().bind(tokenizer, tokenizer, max_length=256)
dataset = TokenizedPairs.build(splits.train, bound)
stream = BatchStream(bound, dataset, Sampler(dataset.lengths, tokens_per_batch=4096, seed=0))
stream.batch(step)
"""

from anyformer.data.cleaning import Cleaning, Pair
from anyformer.data.config import DataConfig
from anyformer.data.corpus import Corpus, HeldOut, Named, Source
from anyformer.data.dataset import LengthReport, TokenizedPairs
from anyformer.data.elsewhere import Elsewhere
from anyformer.data.objectives import BoundObjective, BoundTranslation, Example, Objective, Translation
from anyformer.data.own_files import Jsonl, TextFiles, Tsv
from anyformer.data.provenance import file_digests, located
from anyformer.data.report import DataReport
from anyformer.data.resampling import Resampling
from anyformer.data.sampler import Sampler, evaluation_batches, real_share
from anyformer.data.splits import Splits, load_splits
from anyformer.data.stream import BatchStream

__all__ = [
    "BatchStream", "BoundObjective", "BoundTranslation", "Cleaning", "Corpus", "DataConfig", "DataReport", "Elsewhere", "Example", "HeldOut",
    "Jsonl", "LengthReport", "Named", "Objective", "Pair", "Resampling", "Sampler", "Source", "Splits", "TextFiles", "TokenizedPairs", "Translation", "Tsv",
    "evaluation_batches", "file_digests", "load_splits", "located", "real_share",
]  # fmt: skip
