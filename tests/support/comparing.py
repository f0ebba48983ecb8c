"""What all parity tests share: random parameters, random padded pairs, and the tolerance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anyformer.batch import Batch


def randomise(model: nn.Module, std: float = 0.3) -> None:
    """Every parameter drawn anew, norms around 1: what starts at 0 or 1 would hide a wrong place."""
    for name, parameter in ((n, p) for n, p in model.named_parameters() if p.requires_grad):
        centre = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
        nn.init.normal_(parameter, mean=centre, std=std)


def padded_pairs(vocab_size: int, source_lengths: list[int], target_lengths: list[int], pad_id: int = 0) -> Batch:
    """Random source and target rows of the given lengths, padded on the right; no real token is the padding's id."""
    source, source_segments = _rows(vocab_size, source_lengths, pad_id)
    tokens, segments = _rows(vocab_size, target_lengths, pad_id)
    return Batch(tokens=tokens, segments=segments, source=source, source_segments=source_segments, padding="right", source_padding="right")


def _rows(vocab_size: int, lengths: list[int], pad_id: int) -> tuple[Tensor, Tensor]:
    real = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    ids = torch.randint(0, vocab_size - 1, real.shape)
    ids = ids + (ids >= pad_id)
    return torch.where(real, ids, pad_id), real.long()


def assert_equal_logits(ours: Tensor, theirs: Tensor, segments: Tensor) -> None:
    """Equal to 1e-5 x max(1, largest |logit|) wherever a token is real."""
    real = segments != 0
    difference = (ours - theirs)[real].abs().max().item()
    assert difference <= 1e-5 * max(1.0, theirs[real].abs().max().item()), difference
