"""What parts do after each update is the same in a run that was stopped and resumed, and comes after the update of every process."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from comparing_runs import assert_same_runs
from tiny_training import MetricsFile, Tiny, leaping_loss, loss, make_trainer
from torch import Tensor
from variants import attention, block, decoder

from anyformer.batch import Batch
from anyformer.checkpoint import load_step
from anyformer.distributed import World
from anyformer.parts.performer import Performer
from anyformer.parts.rfa import RFA
from anyformer.training import Checkpoints, LastSteps, Limits, Rollback, Step, TrainConfig
from anyformer.training.after_step import AfterStep

CONFIG = TrainConfig(
    max_steps=30,
    limits=Limits(patience=200),
    save_every=3,
    evaluate_every=4,
    log_every=5,
    seed=3,
    precision="fp32",
    step=Step(accumulate=2, spikes=Rollback(limit=10**6)),
    checkpoints=Checkpoints(keep=None, average=LastSteps(count=3)),
)


class Drawing(Tiny):
    """Scales its features by numbers that are drawn anew every other step, and counts tokens."""

    summed = ("counted",)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("drawn", torch.ones(13))
        self.register_buffer("counted", torch.zeros(2))
        self.register_buffer("seen", torch.zeros(2))
        self.steps: list[int] = []

    def forward(self, batch: Batch) -> Tensor:
        if self.training:
            self.counted += batch.tokens.numel()
        return super().forward(batch) * self.drawn

    def after_step(self, step: int) -> None:
        self.steps.append(step)
        self.seen += self.counted
        self.counted.zero_()
        if step % 2 == 0:
            self.drawn.copy_(1 + 0.2 * torch.randn(13))


def make_model() -> Drawing:
    torch.manual_seed(7)
    return Drawing()


@pytest.mark.parametrize("stop", [1, 7, 21, 28])
def test_a_resumed_run_draws_what_one_that_was_not_stopped_draws(tmp_path: Path, stop: int) -> None:
    class Killed(BaseException):
        pass

    class Kill(MetricsFile):
        def stepped(self, now: object) -> None:
            if now.step == stop:  # type: ignore[attr-defined]
                raise Killed

    def trainer(name: str, **options: object):  # type: ignore[no-untyped-def]
        return make_trainer(tmp_path / name, CONFIG, model=make_model(), loss=leaping_loss, **options)

    with pytest.raises(Killed):
        trainer("a", observers=[Kill(tmp_path / "a" / "metrics.jsonl")]).fit()
    trainer("a", resume=True).fit()
    whole = trainer("b")
    whole.fit()
    assert whole.state.rollbacks, "the loss is such that it is not a number for some batches"
    assert_same_runs(tmp_path / "a", tmp_path / "b")
    drawn = [load_step(tmp_path / "b" / f"step-{i:06}").tensors("model")["drawn"] for i in (3, 6, 12)]
    assert not torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[1], drawn[2])


def test_random_features_of_a_resumed_run(tmp_path: Path) -> None:
    """Performer and RFA in a model of ours; what they drew is in the saved steps."""
    config = decoder(block(attention=attention(mechanism=Performer.Config(redraw_every=2)))).override(
        "decoder.blocks.0.feed_forward", {"kind": "MLP", "d_ff": 8}
    )
    config = config.override("decoder.layers.1.attention.mechanism", RFA.Config())
    short = dataclasses.replace(CONFIG, max_steps=9, step=Step())

    def trainer(name: str, steps: int, **options: object):  # type: ignore[no-untyped-def]
        torch.manual_seed(1)
        of = dataclasses.replace(short, max_steps=steps)
        return make_trainer(tmp_path / name, of, model=config.build(), loss=lambda forward, b: loss(lambda b: forward(b).logits, b), evaluate=None, **options)

    trainer("a", 5).fit()
    again = trainer("a", 9, resume=True)
    again.fit()
    whole = trainer("b", 9)
    whole.fit()
    ours, theirs = again.model.state_dict(), whole.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    saved = [load_step(tmp_path / "b" / f"step-{i:06}").tensors("model") for i in (0, 3, 6, 9)]
    for name in ("decoder.layers.0.attention.mechanism.directions", "decoder.layers.1.attention.mechanism.directions"):
        assert len({float(step[name].sum()) for step in saved}) == 4, name


def test_it_follows_every_update_and_depends_on_the_seed(tmp_path: Path) -> None:
    short = dataclasses.replace(CONFIG, max_steps=4)
    drawn = []
    for seed in (0, 0, 1):
        model = make_model()
        make_trainer(tmp_path / str(len(drawn)), dataclasses.replace(short, seed=seed), model=model).fit()
        assert model.steps == [1, 2, 3, 4] and model.seen.tolist() == [240, 240] and not model.counted.any()
        drawn.append(model.drawn)
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_an_average_keeps_the_last_draw(tmp_path: Path) -> None:
    model = make_model()
    make_trainer(tmp_path, dataclasses.replace(CONFIG, max_steps=9), model=model).fit()
    tensors = load_step(tmp_path / "average").tensors("model")
    assert torch.equal(tensors["drawn"], model.drawn) and not torch.equal(tensors["up.weight"], model.up.weight)


def test_a_model_without_such_parts_draws_nothing() -> None:
    model = Tiny()
    before = torch.get_rng_state()
    AfterStep(model, 0, World())(1)
    assert torch.equal(torch.get_rng_state(), before)
