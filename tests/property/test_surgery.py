"""Surgery on every part in every slot: what promises equal outputs gives them, everything else runs or is refused with a reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from variants import OTHERS, SLOTS, VOCAB, example, randomised

from anyformer.batch import Batch
from anyformer.errors import ConfigError
from anyformer.model.model import Model
from anyformer.model.surgery import deepen, group_heads, grow_vocabulary, to_prefix, upcycle

TOKENS = torch.tensor([[1, 4, 9, 11, 6, 3, 8]])
CASES = [(slot, kind) for slot, (menu, _) in SLOTS.items() if slot not in ("activation", "gate") for kind in menu.menu() if kind not in ("And", "Or")]
CONFIGS = {f"{slot}: {kind}": SLOTS[slot][1](example(SLOTS[slot][0], kind)) for slot, kind in CASES}

KEEPS: dict[str, Callable[[Model], Model]] = {
    "silent layers": lambda model: deepen(model, silent=True),
    "experts": lambda model: upcycle(model, 4),
    "prefix": to_prefix,
    "vocabulary": lambda model: grow_vocabulary(model, VOCAB + 9),
}
CHANGES: dict[str, Callable[[Model], Model]] = {"one key head": lambda model: group_heads(model, 1)}


@torch.no_grad()
def logits(model: Model) -> torch.Tensor:
    at = torch.arange(TOKENS.shape[1]).unsqueeze(0)
    positions = torch.stack([at, at // 2], -1) if type(model.embedding.position).__name__ == "TwoDimensional" else at
    return model(Batch(tokens=TOKENS, positions=positions)).logits[..., :VOCAB]


@pytest.mark.parametrize("operation", KEEPS | CHANGES)
def test_every_variant(operation: str) -> None:
    done = 0
    for name, config in (CONFIGS | OTHERS).items():
        model = randomised(config)
        try:
            made = (KEEPS | CHANGES)[operation](model)
        except ConfigError as error:
            assert all(p.path and len(p.message) > 20 for p in error.problems), name
            continue
        done += 1
        before, after = logits(model), logits(made)
        assert after.isfinite().all(), name
        assert operation in CHANGES or (before - after).abs().max() <= 2e-5 * max(1.0, float(before.abs().max())), name
    assert done > 0.8 * len(CONFIGS | OTHERS)
