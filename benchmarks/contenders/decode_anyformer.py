"""anyformer's searches on random weights of the shared shape. Arguments: corpus, fp32|bf16.

Its searches end every hypothesis with an end of sentence: 19 tokens and that are the 20 steps that the others take.
"""

import sys

import torch
from anyformer_model import build
from shape import DECODING_LENGTH, EOS, PAD, Corpus
from windows import Windows, endless

import anyformer
from anyformer.batch import Batch, pad
from anyformer.decoding.beam import beam_search
from anyformer.decoding.greedy import greedy
from anyformer.decoding.search_config import SearchConfig


@torch.inference_mode()
def main(corpus: str, precision: str) -> None:
    model = build().eval()
    n = DECODING_LENGTH - 1
    windows = Windows(toolkit=f"anyformer {anyformer.__version__}, torch {torch.__version__}", precision=precision)
    for rows in windows.over(endless(Corpus.load(corpus).test_batches()), count=len):
        config = SearchConfig(beam=windows.command["beam"], min_length=n, max_length=n)
        source, segments = pad([[*row, EOS] for row in rows], PAD)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            batch = Batch(tokens=source, source=source, source_segments=segments, source_padding="none" if segments is None else "right")
            search = greedy if config.beam == 1 else beam_search
            found = search(model, model.encode(batch), [n] * len(rows), config)
        assert all(len(hypotheses[0].ids) == n for hypotheses in found), [len(hypotheses[0].ids) for hypotheses in found]


main(*sys.argv[1:])
