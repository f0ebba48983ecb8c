"""JoeyNMT's own training loop, with its own batching. Arguments: corpus."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from joeynmt.batch import Batch
from joeynmt.config import parse_global_args
from joeynmt.prediction import prepare
from joeynmt.training import TrainManager
from joeynmt_model import config
from shape import Corpus
from windows import Windows


class Measured:
    """JoeyNMT's data loader, its batches handed out in windows."""

    def __init__(self, loader: Any, windows: Windows):
        self.loader, self.windows = loader, windows
        self.batch_sampler = loader.batch_sampler

    def __iter__(self) -> Iterator[Batch]:
        return self.windows.over(self.loader, lambda batch: int(batch.src_length.sum()) + batch.ntokens)


def main(corpus: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        args = parse_global_args(config(Corpus.load(corpus), Path(folder)), mode="train")
        model, train, validation, _ = prepare(args, rank=0, mode="train")
        windows = Windows(toolkit=f"JoeyNMT 2.3.0, torch {torch.__version__}", precision="fp32", parameters=sum(p.numel() for p in model.parameters()))
        make_loader = train.make_iter
        train.make_iter = lambda **options: Measured(make_loader(**options), windows)
        manager = TrainManager(
            rank=0, model=model, model_dir=args.model_dir, device=args.device, autocast=args.autocast, seed=args.seed, train_args=args.train, dev_args=args.test
        )
        manager.train_and_validate(train_data=train, valid_data=validation)


main(*sys.argv[1:])
