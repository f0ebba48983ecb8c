"""A model and data small enough to train in a test, in this process, in one to be killed, or in several (`tiny_training.py FOLDER CONFIG_JSON`)."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from anyformer.batch import Batch
from anyformer.checkpoint import is_run
from anyformer.distributed import World
from anyformer.training import MetricsFile, TrainConfig, Trainer

VOCABULARY, WIDTH, ROWS, LENGTH = 13, 8, 6, 5


class Sums(NamedTuple):
    total: Tensor
    nats: Tensor
    weight: Tensor
    experts: Tensor | None = None


class Tiny(nn.Module):
    """Predicts a number from the one before: embedding, hidden matrices, dropout, head, and a buffer."""

    def __init__(self, dropout: float = 0.1):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.up = nn.Linear(WIDTH, 2 * WIDTH)
        self.down = nn.Linear(2 * WIDTH, WIDTH, bias=False)
        self.norm = nn.LayerNorm(WIDTH)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(WIDTH, VOCABULARY)
        self.register_buffer("count", torch.tensor(3))

    def forward(self, batch: Batch) -> Tensor:
        x = self.embedding(batch.tokens)
        x = self.norm(x + self.down(self.dropout(torch.relu(self.up(x)))))
        return self.head(x)  # [B, T, V]


def make_model(dropout: float = 0.1) -> Tiny:
    torch.manual_seed(7)
    return Tiny(dropout)


def loss(forward: Any, batch: Batch) -> Sums:
    logits = forward(batch).float()
    nats = nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none") * batch.weights.flatten()
    return Sums(nats.sum(), nats.sum().detach(), batch.weights.sum())


def leaping_loss(forward: Any, batch: Batch) -> Sums:
    """As `loss`, but not a number for about one batch in eighty."""
    sums = loss(forward, batch)
    a, b = batch.tokens[0, :2].tolist()
    return Sums(sums.total * float("nan"), sums.nats * float("nan"), sums.weight) if (a, b) in ((3, 3), (5, 1)) else sums


def batch(number: int, rows: slice = slice(None)) -> Batch:
    """The target is the token times 3 plus 1; about a fifth of the positions do not count."""
    generator = torch.Generator().manual_seed(number)
    tokens = torch.randint(0, VOCABULARY, (ROWS, LENGTH), generator=generator)
    weights = (torch.rand(ROWS, LENGTH, generator=generator) > 0.2).float()
    return Batch(tokens=tokens[rows], targets=(tokens[rows] * 3 + 1) % VOCABULARY, weights=weights[rows])


def batches(config: TrainConfig) -> Any:
    n = config.step.accumulate
    return lambda step: [batch(step * n + i) for i in range(n)]


def evaluate(model: nn.Module, step: int) -> dict[str, float]:
    held_out = batch(10**6)
    sums = loss(model, held_out)
    return {"loss": float(sums.nats / sums.weight)}


def make_trainer(folder: Path, config: TrainConfig, **options: Any) -> Trainer:
    given = {"model": make_model(), "loss": loss, "batches": batches(config), "epoch": lambda step: step / 10, "evaluate": evaluate}
    given |= {"folder": folder, "observers": [MetricsFile(folder / "metrics.jsonl")], "identity": {"model": {"width": WIDTH}}} | options
    return Trainer(config, given.pop("model"), given.pop("loss"), given.pop("batches"), **given)


def _share(config: TrainConfig, world: World) -> Any:
    n = config.step.accumulate
    return lambda step: [batch(step * n + i, slice(world.rank, None, world.size)) for i in range(n)]


def train(folder: str, config: dict[str, Any], leaping: bool = False, die_at_sync: int | None = None, sync_seconds: float = 0.0) -> None:
    """Trains in this process, from where the folder's steps end.

    Args:
        die_at_sync: how many times something is made durable before the process kills itself.
        sync_seconds: how long each time takes.
    """
    torch.set_num_threads(1)
    syncs = 0

    def sync(handle: int) -> None:
        nonlocal syncs
        syncs += 1
        if syncs == die_at_sync:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(sync_seconds)  # the disk itself is left alone: a kill does not need it

    os.fsync = sync
    make_trainer(Path(folder), TrainConfig.from_dict(config), loss=leaping_loss if leaping else loss, resume=is_run(Path(folder))).fit()


def main() -> None:
    """One of the processes of torchrun."""
    torch.set_num_threads(1)
    folder, config = Path(sys.argv[1]), TrainConfig.from_dict(json.loads(sys.argv[2]))
    with World.join() as world:
        model = make_model(dropout=0.0)
        result = make_trainer(folder, config, model=model, batches=_share(config, world), world=world, resume=is_run(folder)).fit()
        print(
            json.dumps({"rank": world.rank, "reason": result.reason, "step": result.step, "weights": float(sum(p.double().sum() for p in model.parameters()))})
        )


if __name__ == "__main__":
    main()
