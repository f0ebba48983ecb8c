"""What a resumed run takes from the step it goes on from, and what it says of changes."""

from __future__ import annotations

import torch
from torch import nn

from anyformer.checkpoint import Step, differences
from anyformer.distributed import World
from anyformer.parts.linear import apply_linear
from anyformer.training.config import TrainConfig
from anyformer.training.precision import Choice, choose_precision, matrix_shapes


def settle_precision(config: TrainConfig, model: nn.Module, saved: Step | None, world: World) -> Choice:
    """The precision asked for; under `auto` the recorded one, or else what the first process measures."""
    if config.precision != "auto":
        return Choice(config.precision, "asked for")
    if saved is not None:
        return Choice(**saved.state["precision"])
    device = next(model.parameters()).device
    chosen = choose_precision(device, matrix_shapes(model), lambda x, w: apply_linear(x, w, None)) if world.first else None
    return Choice(*world.share(chosen))


def changes_since(saved: Step, config: TrainConfig, world: World) -> str | None:
    """Settings that are not those of the saved step, in words."""
    changed = [f"{path} {a!r} -> {b!r}" for path, a, b in differences(saved.state["train"], config.to_dict(), "train")]
    for what, now in (("threads", torch.get_num_threads()), ("processes", world.size)):
        if saved.state[what] != now:
            changed.append(f"{what} {saved.state[what]} -> {now} (the last bits of results may differ)")
    return f"resumed from {saved.name} with changes: {', '.join(changed)}" if changed else None
