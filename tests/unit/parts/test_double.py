"""In double precision too, a row of padding beside real ones is not a number nowhere."""

from __future__ import annotations

import torch
from variants import block, decoder, randomised

from anyformer.batch import Batch


@torch.no_grad()
def test_left_padded_rows_in_double_precision() -> None:
    model = randomised(decoder(block())).double()
    segments = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    tokens = torch.tensor([[0, 0, 5, 6], [4, 5, 6, 7]])
    logits = model(Batch(tokens=tokens, segments=segments, positions=(segments.cumsum(1) - 1).clamp(min=0), padding="any")).logits
    alone = model(Batch(tokens=torch.tensor([[5, 6]]))).logits
    assert torch.allclose(logits[0, 2:], alone[0], atol=1e-5)
