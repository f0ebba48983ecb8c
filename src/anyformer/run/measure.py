"""How long and how much memory training takes here, found by doing a few steps on weights that are thrown away."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any, Literal, NamedTuple

import torch

from anyformer.loss import training_loss
from anyformer.run.prepare import Prepared
from anyformer.training.config import TrainConfig

_ENOUGH_SECONDS = 2.0
_MOST_STEPS = 8


class Measured(NamedTuple):
    seconds_per_update: float
    tokens_per_second: float  # source and target, padding left out
    peak_bytes: int  # of the processes on CPUs, of the devices' memory otherwise; the optimizer's state included


def measure(prepared: Prepared, device: torch.device, precision: Literal["fp32", "bf16"]) -> Measured:
    """Runs up to eight steps, or two seconds of them, after one that does not count; of several processes, this one's part."""
    model = prepared.model.build().to(device)
    optimizer = prepared.recipe.train.optimizer.build(model)
    optimizer.set_rate(0.0)
    config = prepared.recipe.train.step

    def step(number: int) -> int:
        batch = prepared.stream.batch(number)
        tokens = batch.n_tokens
        batch = batch.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = training_loss(model, batch, config.label_smoothing, config.z_loss, config.r_drop)
        (loss.total / loss.weight).backward()
        optimizer.step()
        optimizer.clear_gradients()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return tokens

    step(0)
    begin, steps, tokens = time.perf_counter(), 0, 0
    while steps < _MOST_STEPS and (steps == 0 or time.perf_counter() - begin < _ENOUGH_SECONDS):
        steps += 1
        tokens += step(steps)
    seconds = time.perf_counter() - begin
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _peak_of_process()
    return Measured(seconds / steps * prepared.recipe.train.step.accumulate, prepared.stream.world * tokens / seconds, prepared.stream.world * peak)


def expected(config: TrainConfig, prepared: Prepared, seconds_per_update: float, tokens_per_second: float) -> dict[str, Any]:
    """Updates, epochs and seconds until the first end that is known beforehand (patience is not)."""
    per_epoch = prepared.stream.batches_in_epoch / config.step.accumulate
    ends: dict[str, float] = {}
    if config.max_steps is not None:
        ends["max_steps"] = config.max_steps * seconds_per_update
    if config.max_minutes is not None:
        ends["max_minutes"] = config.max_minutes * 60
    if config.limits.max_epochs is not None:
        ends["max_epochs"] = config.limits.max_epochs * per_epoch * seconds_per_update
    if config.limits.max_tokens is not None:
        ends["max_tokens"] = config.limits.max_tokens / tokens_per_second
    end = min(ends, key=lambda name: ends[name])
    updates = ends[end] / seconds_per_update
    return {"end": end, "seconds": ends[end], "updates": round(updates), "epochs": updates / per_epoch}


def _peak_of_process() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
