"""The loop that a good textbook would write around `nn.Transformer`. Arguments: corpus, fp32|bf16, cpu|cuda, eager|compiled.

Length-bucketed batches, fused AdamW, label-smoothed `F.cross_entropy`, three-way tied and scaled embeddings, causal hint.
`nn.Transformer` knows one dropout: it also drops attention weights and the feed-forward's inner activations.
"""

import math
import random
import sys
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from shape import BOS, D_FF, D_MODEL, DROPOUT, EOS, LABEL_SMOOTHING, LEARNING_RATE, N_HEADS, N_LAYERS, PAD, TOKENS_A_SIDE, VOCAB_SIZE, Corpus
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from windows import Windows, endless


class Translator(nn.Module):
    def __init__(self, max_length: int = 512):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB_SIZE, D_MODEL, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=D_MODEL**-0.5)
        self.transformer = nn.Transformer(D_MODEL, N_HEADS, N_LAYERS, N_LAYERS, D_FF, DROPOUT, batch_first=True)
        self.dropout = nn.Dropout(DROPOUT)
        angles = torch.arange(max_length).unsqueeze(1) * torch.exp(torch.arange(0, D_MODEL, 2) * (-math.log(10000.0) / D_MODEL))
        self.register_buffer("positions", torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1))

    def embed(self, tokens: Tensor) -> Tensor:
        return self.dropout(self.embedding(tokens) * math.sqrt(D_MODEL) + self.positions[: tokens.shape[1]])

    def forward(self, source: Tensor, tokens: Tensor) -> Tensor:
        padding = source == PAD
        causal = torch.triu(torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool, device=tokens.device), diagonal=1)
        hidden = self.transformer(
            self.embed(source),
            self.embed(tokens),
            tgt_mask=causal,
            tgt_is_causal=True,  # padding stands on the right, where no real position looks
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
        )
        return F.linear(hidden, self.embedding.weight)


class Bucketed:
    """Batches of pairs of like length, at most `TOKENS_A_SIDE` positions a side, in a new order each epoch."""

    def __init__(self, pairs: list[tuple[list[int], list[int]]]):
        self.pairs = pairs
        self.random = random.Random(1)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        length = [max(len(source), len(target)) + 1 for source, target in self.pairs]
        order = sorted(range(len(self.pairs)), key=lambda i: length[i] + self.random.random())
        batches, batch, longest = [], [], 0
        for i in order:
            longest = max(longest, length[i])
            if batch and longest * (len(batch) + 1) > TOKENS_A_SIDE:
                batches, batch, longest = [*batches, batch], [], length[i]
            batch.append(i)
        batches.append(batch)
        self.random.shuffle(batches)
        return (self.collate([self.pairs[i] for i in batch]) for batch in batches)

    @staticmethod
    def collate(pairs: list[tuple[list[int], list[int]]]) -> tuple[Tensor, Tensor]:
        """source [B, S] with its end, target [B, T + 1] with its start and end."""
        source = pad_sequence([torch.tensor([*source, EOS]) for source, _ in pairs], batch_first=True, padding_value=PAD)
        target = pad_sequence([torch.tensor([BOS, *target, EOS]) for _, target in pairs], batch_first=True, padding_value=PAD)
        return source, target


def count(batch: tuple[Tensor, Tensor]) -> int:
    source, target = batch
    return int((source != PAD).sum() + (target[:, 1:] != PAD).sum())


def main(corpus: str, precision: str, device: str, mode: str) -> None:
    torch.manual_seed(1)
    model = Translator().to(device)
    model.train()
    step_model = torch.compile(model, dynamic=True) if mode == "compiled" else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), fused=True)
    synchronize = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    windows = Windows(synchronize, toolkit=f"torch {torch.__version__}", precision=precision, parameters=sum(p.numel() for p in model.parameters()))
    for source, target in windows.over(endless(Bucketed(Corpus.load(corpus).train)), count):
        source, target = source.to(device, non_blocking=True), target.to(device, non_blocking=True)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"):
            logits = step_model(source, target[:, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=PAD, label_smoothing=LABEL_SMOOTHING)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


main(*sys.argv[1:])
