"""Hugging Face's `generate` on Marian with random weights of the shared shape. Arguments: corpus, fp32|bf16."""

import sys

import torch
import transformers
from marian_model import build
from shape import DECODING_LENGTH, EOS, PAD, Corpus
from torch.nn.utils.rnn import pad_sequence
from windows import Windows, endless


@torch.inference_mode()
def main(corpus: str, precision: str) -> None:
    model = build().to({"fp32": torch.float32, "bf16": torch.bfloat16}[precision])
    windows = Windows(toolkit=f"transformers {transformers.__version__}, torch {torch.__version__}", precision=precision)
    for rows in windows.over(endless(Corpus.load(corpus).test_batches()), count=len):
        source = pad_sequence([torch.tensor([*row, EOS]) for row in rows], batch_first=True, padding_value=PAD)
        found = model.generate(
            source,
            attention_mask=(source != PAD).long(),
            num_beams=windows.command["beam"],
            do_sample=False,
            min_new_tokens=DECODING_LENGTH,
            max_new_tokens=DECODING_LENGTH,
        )
        assert found.shape == (len(rows), DECODING_LENGTH + 1), found.shape


main(*sys.argv[1:])
