"""JoeyNMT's search on random weights of the shared shape; it has no key/value cache. Arguments: corpus."""

import sys
import tempfile
from pathlib import Path

import torch
from joeynmt.batch import Batch
from joeynmt.config import parse_global_args
from joeynmt.prediction import prepare
from joeynmt.search import search
from joeynmt_model import config
from shape import DECODING_LENGTH, Corpus
from windows import Windows, endless

PAD, EOS = 1, 3  # JoeyNMT's


def batch_of(rows: list[list[int]]) -> Batch:
    length = max(map(len, rows)) + 1
    return Batch(
        src=torch.tensor([[*row, EOS] + [PAD] * (length - len(row) - 1) for row in rows]),
        src_length=torch.tensor([len(row) + 1 for row in rows]),
        src_prompt_mask=None,
        trg=None,
        trg_prompt_mask=None,
        indices=torch.arange(len(rows)),
        device=torch.device("cpu"),
        pad_index=PAD,
        eos_index=EOS,
        is_train=False,
    )


def main(path: str) -> None:
    corpus = Corpus.load(path)
    with tempfile.TemporaryDirectory() as folder:
        small = corpus._replace(train=corpus.train[:100])
        model, _, _, _ = prepare(parse_global_args(config(small, Path(folder)), mode="train"), rank=0, mode="train")
    model.eval()
    windows = Windows(toolkit=f"JoeyNMT 2.3.0, torch {torch.__version__}", precision="fp32")
    for rows in windows.over(endless(corpus.test_batches()), count=len):
        beam = windows.command["beam"]
        batch = batch_of(rows)
        batch.sort_by_src_length()
        found, _, _ = search(model, batch, max_output_length=DECODING_LENGTH, min_output_length=DECODING_LENGTH, beam_size=beam, beam_alpha=1.0)
        assert found.shape == (len(rows), DECODING_LENGTH), found.shape


main(*sys.argv[1:])
