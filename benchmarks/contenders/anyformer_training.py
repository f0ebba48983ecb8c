"""What each of anyformer's processes does while its training is measured."""

import tempfile
from pathlib import Path
from types import SimpleNamespace

from anyformer_model import build
from shape import BOS, EOS, LABEL_SMOOTHING, LEARNING_RATE, PAD, TOKENS_A_SIDE, UNK, Corpus
from windows import Windows

from anyformer.data import BatchStream, Example, Sampler, Translation
from anyformer.distributed import World
from anyformer.loss import cross_entropy
from anyformer.training import AdamW, InverseSqrt, Now, Observer, Step, TrainConfig, Trainer

NEVER = 10**9


class Measured(Observer):
    """Counts the tokens of each step into windows; the first opens when training has begun."""

    def __init__(self, windows: Windows):
        self.windows = windows
        self.trainer: Trainer | None = None
        self.tokens = 0

    def stepped(self, now: Now) -> None:
        assert self.trainer is not None
        done = self.trainer.state.tokens
        if self.tokens == 0:
            self.windows.open()
        else:
            self.windows.did(done - self.tokens)
        self.tokens = done


def train(world: World, corpus: str, precision: str, device: str, windows: Windows | None = None) -> None:
    """Trains until it is told to end. `windows`: of the first process."""
    model = build().to(device)
    examples = [Example([*source, EOS], target) for source, target in Corpus.load(corpus).train]
    ids = SimpleNamespace(pad_id=PAD, bos_id=BOS, eos_id=EOS, unk_id=UNK)
    objective = Translation().bind(ids, ids)
    sampler = Sampler([objective.lengths(e) for e in examples], TOKENS_A_SIDE, seed=1)
    stream = BatchStream(objective, examples, sampler, world.rank, world.size)
    config = TrainConfig(
        max_steps=NEVER,
        save_every=NEVER,
        evaluate_every=NEVER,
        log_every=100,
        optimizer=AdamW(lr=LEARNING_RATE),
        schedule=InverseSqrt(warmup_steps=2000),
        precision=precision,
        step=Step(label_smoothing=LABEL_SMOOTHING),
    )
    measured = Measured(windows) if windows else None
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            config,
            model,
            lambda forward, batch: cross_entropy(forward(batch), batch, label_smoothing=LABEL_SMOOTHING),
            lambda step: [stream.batch(step)],
            folder=Path(folder),
            observers=[measured] if measured else [],
            world=world,
        )
        if measured and windows:
            measured.trainer = trainer
            windows.facts |= {"precision": trainer.precision.precision, "reason": trainer.precision.reason}
        trainer.fit()
