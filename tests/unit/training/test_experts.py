"""Training a model with experts: their losses join the loss, metrics tell of them, and a resumed run is the run that was never stopped."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import variants
from comparing_runs import metrics_but_for_time
from tiny_training import make_trainer

from anyformer.batch import Batch
from anyformer.loss import Loss, cross_entropy
from anyformer.model.model import Model
from anyformer.parts.feed_forward import MLP
from anyformer.parts.group_top_k import GroupTopK
from anyformer.parts.moe import MoE
from anyformer.parts.router import Router
from anyformer.parts.token_choice import Switch
from anyformer.training import Console, MetricsFile, TrainConfig, read_metrics


def config_with(router: Router.Config) -> Model.Config:
    return variants.decoder(variants.block(feed_forward=MoE.Config(expert=MLP.Config(d_ff=12), n_experts=4, router=router)))


def batch(number: int) -> Batch:
    generator = torch.Generator().manual_seed(number)
    tokens = torch.randint(1, variants.VOCAB, (6, 8), generator=generator)
    segments = (torch.arange(8) < torch.tensor([8, 8, 5, 7, 8, 3]).unsqueeze(1)).long()
    return Batch(tokens=tokens, targets=(3 * tokens + 1) % variants.VOCAB, weights=segments.float(), segments=segments, padding="right")


def loss(forward: Callable[..., Any], one: Batch) -> Loss:
    return cross_entropy(forward(one), one)


def trainer(folder: Path, router: Router.Config, steps: int, **options: Any) -> Any:
    config = TrainConfig.from_dict({"max_steps": steps, "log_every": 2, "save_every": 4, "evaluate_every": 4, "step": {"accumulate": 2}})
    torch.manual_seed(7)
    model = config_with(router).build()

    def evaluate(model: torch.nn.Module, step: int) -> dict[str, float]:
        found = loss(model, batch(10**6))
        assert float(found.total) == float(found.nats), "evaluation is without the experts' losses"
        return {"loss": float(found.nats / found.weight)}

    given = {"model": model, "loss": loss, "batches": lambda step: [batch(2 * step), batch(2 * step + 1)], "evaluate": evaluate}
    return make_trainer(folder, config, **(given | options))


def test_the_losses_of_experts_count_once_for_each_target() -> None:
    model, one = variants.randomised(config_with(Switch.Config(jitter=0.0, balance_loss=0.5))), batch(0)
    output = model.train()(one)
    assert len(output.aux) == 2
    found, alone = cross_entropy(output, one), cross_entropy(output._replace(aux=[]), one)
    weight = float(one.weights.sum())  # type: ignore[union-attr]
    assert torch.isclose(found.total / weight, alone.total / weight + output.aux[0].loss + output.aux[1].loss)
    assert torch.equal(found.nats, alone.nats)
    gradients = torch.autograd.grad(found.total, model.decoder.layers[0].feed_forward.router.weight)[0]
    assert gradients.abs().sum() > 0


def test_metrics_and_screen_tell_of_experts_where_there_are_any(tmp_path: Path) -> None:
    screen = io.StringIO()
    made = trainer(tmp_path / "x", Switch.Config(), 4, observers=[MetricsFile(tmp_path / "metrics.jsonl"), Console(screen)])
    made.fit()
    logged = [line for line in read_metrics(tmp_path / "metrics.jsonl") if "validation" not in line]
    assert len(logged) == 2
    for line in logged:
        assert line["aux_loss"] > 0 and 1 <= line["load"] <= 4 and 0 <= line["dropped"] < 1
    assert "experts: aux 0.0" in screen.getvalue() and "x the mean, dropped" in screen.getvalue()
    assert all("load" not in line for line in read_metrics(tmp_path / "metrics.jsonl") if "validation" in line)
    make_trainer(tmp_path / "y", TrainConfig.from_dict({"max_steps": 2, "log_every": 1})).fit()
    assert all("load" not in line for line in read_metrics(tmp_path / "y" / "metrics.jsonl"))


@pytest.mark.parametrize("router", [Switch.Config(), GroupTopK.Config(k=2, rate=0.01)], ids=["Switch", "GroupTopK"])
def test_a_resumed_run_is_the_run_in_one_go(tmp_path: Path, router: Router.Config) -> None:
    whole = trainer(tmp_path / "whole", router, 8)
    whole.fit()
    trainer(tmp_path / "halves", router, 5).fit()
    second = trainer(tmp_path / "halves", router, 8, resume=True)
    second.fit()
    ours, theirs = whole.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    if isinstance(router, GroupTopK.Config):
        assert float(ours["decoder.layers.0.feed_forward.router.correction"].abs().max()) > 0.01
    assert metrics_but_for_time(tmp_path / "whole") == metrics_but_for_time(tmp_path / "halves")
