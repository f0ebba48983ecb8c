"""anyformer's model of the shared shape, with random weights."""

import torch
from shape import D_FF, D_MODEL, DROPOUT, N_HEADS, N_LAYERS, VOCAB_SIZE

from anyformer import architectures
from anyformer.model.model import Model


def build() -> Model:
    torch.manual_seed(1)
    return architectures.get("transformer-tiny", d_model=D_MODEL, n_layers=N_LAYERS, n_heads=N_HEADS, d_ff=D_FF, dropout=DROPOUT, vocab_size=VOCAB_SIZE).build()
