"""The run itself: model, trainer, what watches it, and what is made at its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from anyformer.batch import Batch
from anyformer.data import evaluation_batches, file_digests
from anyformer.decoding import Translator
from anyformer.distributed import World
from anyformer.evaluation import Evaluation
from anyformer.loss import Loss, cross_entropy, training_loss
from anyformer.model import count
from anyformer.model.model import Model
from anyformer.parts import onednn
from anyformer.parts.linear import apply_linear
from anyformer.run import describe, folder
from anyformer.run.banner import Plan
from anyformer.run.load import load
from anyformer.run.measure import measure
from anyformer.run.prepare import Prepared
from anyformer.run.recipe import as_data
from anyformer.run.report import finish
from anyformer.run.screen import Screen
from anyformer.text import save_pair
from anyformer.training import Choice, MetricsFile, Result, Samples, TensorBoard, Trainer, choose_precision, matrix_shapes


def plan(name: str, where: Path | None, prepared: Prepared, device: torch.device, choice: Choice | None = None, measured: bool = False) -> Plan:
    """The run as it is about to be made; the precision is chosen here where no trainer has done so."""
    asked = prepared.recipe.train.precision
    if choice is None:
        choice = choose(prepared.model, device) if asked == "auto" else Choice(asked, "asked for")
    found = measure(prepared, device, choice.precision) if measured else None
    return Plan(name, where, prepared, device, choice.precision, choice.reason, found, describe.of_config(prepared.model, name), torch.get_num_threads())


def choose(config: Model.Config, device: torch.device) -> Choice:
    """The precision that is faster for this model's own products, without building it."""
    skeleton = count.skeleton(config)  # it has one layer for all that are equal
    shapes = matrix_shapes(skeleton.model)
    for layers in skeleton.layers:
        shapes += matrix_shapes(layers.module) * (layers.copies - 1)
    return choose_precision(device, shapes, lambda x, w: apply_linear(x, w, None))


def execute(
    name: str, where: Path, prepared: Prepared, device: torch.device, resumed: bool, world: World, screen: Screen, report: bool
) -> tuple[Plan, Result, Evaluation | None]:
    """Trains in the folder `where`, which is there and empty, or holds the run that goes on."""
    recipe, prepared = prepared.recipe, prepared.for_process(world.rank, world.size)
    if world.size > 1 and device.type == "cuda":
        device = torch.device("cuda", world.local_rank)
    torch.manual_seed(recipe.train.seed)
    if device.type == "cpu":
        if not resumed:
            onednn.use(None)
        onednn.use(world.share(onednn.chosen() if world.first else None))  # all processes compute alike, and so does a run that goes on from this one
    model = prepared.model.build().to(device)
    how, accumulate = recipe.train.step, recipe.train.step.accumulate

    def loss(forward: Callable[..., Any], batch: Batch) -> Loss:
        return training_loss(forward, batch, how.label_smoothing, how.z_loss, how.r_drop)

    def batches(step: int) -> list[Batch]:
        return [prepared.stream.batch(step * accumulate + i) for i in range(accumulate)]

    samples = Samples(lambda: sample_lines(model, prepared), where / "samples", screen.samples)
    trainer = Trainer(
        recipe.train,
        model,
        loss,
        batches,
        folder=where,
        epoch=lambda step: step * accumulate / prepared.stream.batches_in_epoch,
        evaluate=validation(prepared, device),
        observers=[MetricsFile(where / "metrics.jsonl", screen.note), TensorBoard(where / "tensorboard"), *screen.observers(), samples],
        world=world,
        identity={"model": prepared.model.to_dict(), "data": prepared.stream.fingerprint},
        resume=resumed,
    )
    if world.first:  # only now: a resumed run that is refused stays as it was
        fast = list(onednn.chosen()) if device.type == "cpu" else None
        folder.write_config(where, as_data(recipe), resumed, name=name, onednn=fast, files=file_digests(recipe.data), **_computers(world))
        if not resumed:
            save_pair(where, prepared.source_tokenizer, prepared.target_tokenizer)
    made = plan(name, where, prepared, device, trainer.precision, measured=recipe.train.max_minutes is None and screen.stream is not None and not resumed)
    screen.say(f"{made}\n")
    result = trainer.fit()
    with world.alone():
        evaluation = finish(load(where, device=str(device)), made, result, screen) if report and world.first and result.finished else None
    if not result.finished:
        screen.say(f"{result.message}\ngo on with: anyformer train --resume {where}")
    return made, result, evaluation


def _computers(world: World) -> dict[str, int]:
    """What the last bits of results depend on."""
    return {"threads": torch.get_num_threads(), "processes": world.size}


def validation(prepared: Prepared, device: torch.device) -> Callable[[Any, int], dict[str, float]]:
    """(model, step) -> loss in nats a target and perplexity on the validation pairs, unsmoothed."""
    groups = evaluation_batches(prepared.validation.lengths, prepared.recipe.data.batch_tokens)

    def evaluate(model: Any, step: int) -> dict[str, float]:
        nats = weight = 0.0
        for group in groups:
            batch = prepared.objective.collate([prepared.validation[i] for i in group]).to(device)
            found = cross_entropy(model(batch), batch)
            nats += float(found.nats)
            weight += float(found.weight)
        return {"loss": nats / weight, "ppl": math.exp(min(nats / weight, 700.0))}

    return evaluate


def sample_lines(model: Model, prepared: Prepared) -> Sequence[str]:
    """Some validation sentences, fixed for the whole run, and what the model makes of them now."""
    pairs = prepared.splits.validation
    wanted = min(prepared.recipe.evaluate.samples, len(pairs))
    if not wanted or model.decoder is None:
        return []
    chosen = [pairs[i * len(pairs) // wanted] for i in range(wanted)]
    translator = Translator(model, prepared.source_tokenizer, prepared.target_tokenizer, max_source_length=prepared.recipe.data.length_limit)
    made = translator.translate([source for source, _ in chosen], beam=1)
    rows = ((source, target, t.text) for (source, target), t in zip(chosen, made, strict=True))
    return [f"  {title:<10} {text}" for row in rows for title, text in zip(("source", "reference", "model"), row, strict=True)]
