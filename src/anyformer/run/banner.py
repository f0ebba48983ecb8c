"""What is said before the first step: what is trained on what, how large it is, what computes it and why, how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from anyformer.data import real_share
from anyformer.errors import counted
from anyformer.inspection.amounts import size
from anyformer.inspection.description import Description
from anyformer.run.measure import Measured, expected
from anyformer.run.prepare import Prepared
from anyformer.training import TrainConfig

_SAMPLE = 200  # batches looked at for the share of padding


@dataclass(frozen=True)
class Plan:
    """A run as it is about to be made. `str` is the banner, `to_dict` the dry run's JSON."""

    name: str
    folder: Path | None
    prepared: Prepared
    device: torch.device
    precision: str
    reason: str  # for the precision
    measured: Measured | None
    description: Description
    threads: int  # of each process

    def to_dict(self) -> dict[str, Any]:
        p = self.prepared
        made = {
            "name": self.name,
            "folder": None if self.folder is None else str(self.folder),
            "data": p.splits.report.to_dict(),
            "tokens": {"train": p.train.report.to_dict(), "validation": p.validation.report.to_dict()},
            "vocabulary": {"source": p.source_tokenizer.vocab_size, "target": p.target_tokenizer.vocab_size, "joint": p.joint},
            "batch": self.batch(),
            "model": self.description.to_dict(),
            "device": str(self.device),
            "threads": self.threads,
            "processes": p.stream.world,
            "precision": {"choice": self.precision, "reason": self.reason},
        }
        if self.measured:
            made["measured"] = self.measured._asdict()
            made["expected"] = self.expected()
        return made

    def batch(self) -> dict[str, Any]:
        """Tokens of an update, and how many updates make an epoch."""
        p = self.prepared
        accumulate = p.recipe.train.step.accumulate
        n = min(_SAMPLE, p.stream.batches_in_epoch)
        share = real_share(p.stream.sampler.lengths, [p.stream.sampler.indices(i) for i in range(n)])
        return {
            "tokens_a_side": p.recipe.data.batch_tokens * accumulate,
            "real_tokens": round(int(p.stream.sampler.lengths.sum()) / p.stream.batches_in_epoch * accumulate),
            "real_share": round(share, 4),
            "updates_per_epoch": round(p.stream.batches_in_epoch / accumulate, 2),
        }

    def expected(self) -> dict[str, Any]:
        assert self.measured is not None
        return expected(self.prepared.recipe.train, self.prepared, self.measured.seconds_per_update, self.measured.tokens_per_second)

    def computer(self) -> str:
        """What computes, in words."""
        n = self.prepared.stream.world
        if self.device.type == "cuda":
            return f"{n} x {torch.cuda.get_device_name(self.device)}" if n > 1 else torch.cuda.get_device_name(self.device)
        threads = counted(self.threads, "thread")
        return f"{self.device.type.upper()} with " + (f"{n} processes of {threads} each" if n > 1 else threads)

    def updates(self) -> float | None:
        """How many updates the run has at most; None: only the clock will tell."""
        config = self.prepared.recipe.train
        if self.measured:
            return float(self.expected()["updates"])
        per_epoch = self.prepared.stream.batches_in_epoch / config.step.accumulate
        known = [config.max_steps, None if config.limits.max_epochs is None else config.limits.max_epochs * per_epoch]
        return min((n for n in known if n is not None), default=None)

    def __str__(self) -> str:
        p, batch = self.prepared, self.batch()
        sizes = [f"{t.vocab_size:,}" for t in (p.source_tokenizer, p.target_tokenizer)]
        vocabulary = f"{sizes[1]} pieces for both sides" if p.joint else f"{sizes[0]} and {sizes[1]} pieces"
        step = (
            f"{batch['tokens_a_side']:,} tokens a side, {100 * batch['real_share']:.0f} % of them real; {counted(batch['updates_per_epoch'], 'step')} an epoch"
        )
        rows = [
            ("run", f"{self.name}" + (f" in {self.folder}" if self.folder else "")),
            ("data", str(p.splits.report)),
            ("tokens", f"{p.recipe.tokenizer.kind()} with {vocabulary}; {p.train.report}"),
            ("model", f"{self.description.parameters:,} parameters\n{self.description.table()}"),
            ("step", step),
            ("computes", f"{self.computer()}, {self.precision}: {self.reason}"),
            ("ends", _ends(self)),
        ]
        return "\n".join(_row(*row) for row in rows)


def _row(title: str, text: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([f"{title:<9} {first}", *(f"{'':<9} {line}" for line in rest)])


def _ends(plan: Plan) -> str:
    config = plan.prepared.recipe.train
    named = {
        "max_steps": (config.max_steps, "step"),
        "max_minutes": (config.max_minutes, "minute"),
        "max_epochs": (config.limits.max_epochs, "epoch"),
        "max_tokens": (config.limits.max_tokens, "token"),
    }
    text = "after " + " or ".join(counted(value, unit) for value, unit in named.values() if value is not None)
    if config.limits.patience is not None:
        text += f", or {counted(config.limits.patience, 'evaluation')} without a better one"
    if plan.measured:
        e = plan.expected()
        speed = f"{plan.measured.tokens_per_second:,.0f} tokens/s and {size(plan.measured.peak_bytes)} of memory in a first measurement"
        text += f"\nabout {duration(e['seconds'])}, {counted(e['updates'], 'step')}, {e['epochs']:.1f} epochs; {speed}"
    if note := warmup_note(config, plan.updates()):
        text += f"\nnote: {note}"
    return text


def warmup_note(config: TrainConfig, updates: float | None) -> str:
    """What to say where a run of so many updates (None: not known yet) ends before its learning rate has reached its peak; else empty."""
    warmup = getattr(config.schedule, "warmup_steps", 0)
    if updates is None or updates >= warmup:
        return ""
    return f"the learning rate rises over {counted(warmup, 'step')}, and the run has {updates:,.0f}: it ends below the peak; lower train.schedule.warmup_steps"


def duration(seconds: float) -> str:
    """`45 seconds`, `12 minutes`, `2.5 hours`."""
    if seconds < 90:
        return counted(round(seconds), "second")
    if seconds < 5400:
        return counted(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"
