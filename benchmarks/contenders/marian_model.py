"""Hugging Face's Marian of the shared shape, with random weights."""

import torch
from shape import BOS, D_FF, D_MODEL, EOS, N_HEADS, N_LAYERS, PAD, VOCAB_SIZE
from transformers import MarianConfig, MarianMTModel


def build() -> MarianMTModel:
    torch.manual_seed(1)
    config = MarianConfig(
        vocab_size=VOCAB_SIZE,
        d_model=D_MODEL,
        encoder_layers=N_LAYERS,
        decoder_layers=N_LAYERS,
        encoder_ffn_dim=D_FF,
        decoder_ffn_dim=D_FF,
        encoder_attention_heads=N_HEADS,
        decoder_attention_heads=N_HEADS,
        activation_function="relu",
        scale_embedding=True,
        max_position_embeddings=256,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
        decoder_start_token_id=BOS,
        forced_eos_token_id=None,
        init_std=D_MODEL**-0.5,
    )
    return MarianMTModel(config).eval()
