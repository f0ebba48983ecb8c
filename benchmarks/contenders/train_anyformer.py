"""anyformer's training step, batches included. Arguments: corpus, auto|fp32|bf16, cpu|cuda."""

import sys
from collections.abc import Iterator

import torch
from anyformer_model import build
from shape import BOS, EOS, LABEL_SMOOTHING, LEARNING_RATE, PAD, TOKENS_A_SIDE, Corpus
from windows import Windows

import anyformer
from anyformer.batch import Batch, pad
from anyformer.data.sampler import Sampler
from anyformer.loss import cross_entropy
from anyformer.parts.linear import apply_linear
from anyformer.training.optimizers import AdamW
from anyformer.training.precision import Choice, choose_precision, matrix_shapes


def batches(corpus: Corpus) -> Iterator[Batch]:
    sampler = Sampler([(len(source) + 1, len(target) + 1) for source, target in corpus.train], TOKENS_A_SIDE, seed=1)
    step = 0
    while True:
        pairs = [corpus.train[i] for i in sampler.indices(step)]
        tokens, segments = pad([[BOS, *target] for _, target in pairs], PAD)
        targets, _ = pad([[*target, EOS] for _, target in pairs], PAD)
        source, source_segments = pad([[*source, EOS] for source, _ in pairs], PAD)
        yield Batch(
            tokens=tokens,
            targets=targets,
            weights=torch.ones(tokens.shape) if segments is None else segments.float(),
            segments=segments,
            source=source,
            source_segments=source_segments,
            padding="none" if segments is None else "right",
            source_padding="none" if source_segments is None else "right",
        )
        step += 1


def main(corpus: str, precision: str, device: str) -> None:
    model = build().to(device).train()
    shapes = matrix_shapes(model)
    choice = choose_precision(device, shapes, lambda x, w: apply_linear(x, w, None)) if precision == "auto" else Choice(precision, "asked for")
    optimizer = AdamW(lr=LEARNING_RATE).build(model)
    windows = Windows(
        torch.cuda.synchronize if device == "cuda" else (lambda: None),
        toolkit=f"anyformer {anyformer.__version__}, torch {torch.__version__}",
        precision=choice.precision,
        reason=choice.reason,
        parameters=sum(p.numel() for p in model.parameters()),
    )
    for batch in windows.over(batches(Corpus.load(corpus)), count=lambda batch: batch.n_tokens):
        moved = batch.to(device)
        with torch.autocast(device, torch.bfloat16, enabled=choice.precision == "bf16"):
            loss = cross_entropy(model(moved), moved, label_smoothing=LABEL_SMOOTHING)
        (loss.total / loss.weight).backward()
        optimizer.step()
        optimizer.clear_gradients()


main(*sys.argv[1:])
