"""AdamW against torch's plain loop, Muon against a singular value decomposition, and their states."""

from __future__ import annotations

import pytest
import torch
from tiny_training import batch, loss, make_model

from anyformer.errors import CheckpointError, ConfigError
from anyformer.training import AdamW, Muon, Optimizer
from anyformer.training.muon import OrthogonalMomentum, orthogonalize
from anyformer.training.optimizers import is_hidden_matrix


def train(model: torch.nn.Module, optimizers: object, steps: range) -> None:
    for number in steps:
        torch.manual_seed(number)
        loss(model, batch(number)).total.backward()
        optimizers.step()  # type: ignore[attr-defined]
        model.zero_grad()


def test_adamw_decays_matrices_only_and_equals_the_plain_one() -> None:
    ours, theirs = make_model(), make_model()
    plain = torch.optim.AdamW(
        [{"params": [p for p in theirs.parameters() if p.ndim >= 2], "weight_decay": 0.3}, {"params": [p for p in theirs.parameters() if p.ndim < 2]}],
        lr=0.01,
        betas=(0.9, 0.98),
        eps=1e-9,
        weight_decay=0.0,
        foreach=False,
        fused=False,
    )
    train(ours, AdamW(lr=0.01, weight_decay=0.3).build(ours), range(5))
    train(theirs, plain, range(5))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(6, 6), (4, 10), (10, 4), (3, 5, 7)])
def test_orthogonalize_brings_singular_values_near_one_and_keeps_directions(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    matrices = torch.randn(shape)
    u, _, vt = torch.linalg.svd(matrices, full_matrices=False)
    made = orthogonalize(matrices)
    values = torch.diagonal(u.mT @ made @ vt.mT, dim1=-2, dim2=-1)  # in the basis of the input
    assert ((values > 0.6) & (values < 1.3)).all()
    torch.testing.assert_close(u.mT @ made @ vt.mT, torch.diag_embed(values), atol=1e-3, rtol=0)


def test_orthogonalize_computes_in_the_type_of_the_run() -> None:
    torch.manual_seed(0)
    matrices = torch.randn(5, 24, 32)
    with torch.autocast("cpu", torch.bfloat16):
        made = orthogonalize(matrices)
    assert made.dtype == torch.float32 and torch.equal(made, made.bfloat16().float())
    torch.testing.assert_close(made, orthogonalize(matrices), atol=0.02, rtol=0)


def test_muon_takes_the_hidden_matrices_and_leaves_the_rest_to_adamw() -> None:
    model = make_model()
    hidden = {name for name, p in model.named_parameters() if is_hidden_matrix(name, p)}
    assert hidden == {"up.weight", "down.weight"}
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizers = Muon(lr=0.01, weight_decay=0.5).build(model)
    train(model, optimizers, range(1))
    plain = make_model()
    train(plain, AdamW(lr=0.01, weight_decay=0.5).build(plain), range(1))
    for name, p in model.named_parameters():
        assert torch.equal(p, dict(plain.named_parameters())[name]) == (name not in hidden)
    step = (model.up.weight - before["up.weight"] * (1 - 0.01 * 0.5)) / 0.01  # [16, 8]
    assert 0.1 < step.square().mean().sqrt() < 0.3  # the root mean square that Liu et al. scale to: 0.2
    assert set(optimizers.tensors()) >= {"up.weight/momentum", "norm.bias/exp_avg", "step"}


def test_muon_learns() -> None:
    model = make_model(dropout=0.0)
    optimizers = Muon(lr=0.02).build(model)
    first = float(loss(model, batch(999)).nats)
    train(model, optimizers, range(60))
    assert float(loss(model, batch(999)).nats) < 0.3 * first


@pytest.mark.parametrize("config", [AdamW(lr=0.01), Muon(lr=0.01)])
def test_a_state_taken_over_goes_on_bit_by_bit(config: Optimizer) -> None:
    model = make_model()
    optimizers = config.build(model)
    train(model, optimizers, range(3))
    other = make_model()
    other.load_state_dict(model.state_dict())
    taken = config.build(other)
    taken.load({name: value.clone() for name, value in optimizers.tensors().items()})
    train(model, optimizers, range(3, 6))
    train(other, taken, range(3, 6))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_a_state_of_another_optimizer_or_model_is_refused() -> None:
    model = make_model()
    muon = Muon().build(model)
    with pytest.raises(CheckpointError, match="another optimizer"):
        AdamW().build(model).load(muon.tensors())
    with pytest.raises(CheckpointError, match="embedding.weight/exp_avg: .*another optimizer or model"):
        AdamW().build(model).load(AdamW().build(torch.nn.Linear(2, 2)).tensors())


def test_momentum_without_gradient_is_left_alone() -> None:
    p = torch.nn.Parameter(torch.ones(2, 2))
    OrthogonalMomentum({"p": p}, 0.9, 0.0).step(0.1)
    assert torch.equal(p, torch.ones(2, 2))


def test_impossible_values_are_told_together() -> None:
    with pytest.raises(ConfigError) as caught:
        Muon(lr=0.0, momentum=1.0, betas=(0.9, 1.5), weight_decay=-1.0)
    assert [p.path for p in caught.value.problems] == ["lr", "betas.1", "weight_decay", "momentum"]
