"""R-Drop against its equations over whole logits."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from anyformer import architectures
from anyformer.batch import Batch
from anyformer.loss import cross_entropy, r_drop, rows
from anyformer.model.model import Model


def setting(head: dict | None = None, dropout: float = 0.3) -> tuple[Model, Batch]:
    torch.manual_seed(0)
    model = architectures.get("transformer-tiny", vocab_size=70, d_model=16, d_ff=20, dropout=dropout).override("head", head or {}).build().train()
    tokens, targets = torch.randint(1, 70, (2, 3, 6))
    weights = torch.tensor([[1.0] * 6, [1, 1, 1, 0, 0, 0], [1, 0.5, 0.25, 1, 0, 0]])
    return model, Batch(tokens=tokens, targets=targets, weights=weights, source=targets)


def equation(logits: torch.Tensor, batch: Batch, alpha: float, smoothing: float, z_loss: float) -> torch.Tensor:
    """Half of equation 4 of Liang et al. 2021, each KL by torch, from logits [2, B T, V]."""
    targets, weights = batch.targets.flatten(), batch.weights.flatten()
    ce = sum(F.cross_entropy(half, targets, reduction="none", label_smoothing=smoothing) + z_loss * half.logsumexp(-1) ** 2 for half in logits)
    p, q = logits.log_softmax(-1)
    kl = F.kl_div(p, q, log_target=True, reduction="none").sum(-1) + F.kl_div(q, p, log_target=True, reduction="none").sum(-1)
    return 0.5 * (ce + alpha / 2 * kl) @ weights


@pytest.mark.parametrize("block_bytes", [1, 2**24])
@pytest.mark.parametrize(("smoothing", "z_loss", "alpha"), [(0.0, 0.0, 5.0), (0.1, 0.0, 3.0), (0.1, 1e-2, 1.0)])
@pytest.mark.parametrize("head", [{}, {"bias": True}, {"tied": False, "bias": True}, {"scale": 0.25}, {"softcap": 3.0}])
def test_equals_the_equation(block_bytes: int, smoothing: float, z_loss: float, alpha: float, head: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK_BYTES", block_bytes)
    model, batch = setting(head)
    with torch.no_grad():
        model.embedding.weight.mul_(4)  # predictions that are far apart
    torch.manual_seed(1)
    found = r_drop(model, batch, alpha, smoothing, z_loss)
    (3 * found.total).backward()
    mine = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    torch.manual_seed(1)
    logits = model(batch.repeated(2)).logits.view(2, -1, 70)
    assert (logits[0] - logits[1]).abs().max() > 0.1  # the dropouts differ
    expected = equation(logits, batch, alpha, smoothing, z_loss)
    (3 * expected).backward()
    assert found.total.item() == pytest.approx(expected.item(), rel=1e-5)
    assert found.weight.item() == batch.weights.sum().item()
    for a, p in zip(mine, model.parameters(), strict=True):
        assert (a - p.grad).norm() <= 1e-4 * p.grad.norm() + 1e-5


def test_without_dropout_it_is_the_cross_entropy() -> None:
    model, batch = setting(dropout=0.0)
    twice, once = r_drop(model, batch, 5.0, 0.1), cross_entropy(model(batch), batch, 0.1)
    assert twice.total.item() == pytest.approx(once.total.item(), rel=1e-5)
    assert twice.nats.item() == pytest.approx(once.nats.item(), rel=1e-5)


def test_targets_that_no_probability_reaches_stay_finite() -> None:
    model, batch = setting()
    with torch.no_grad():
        model.embedding.weight.mul_(300)
    found = r_drop(model, batch, 5.0)
    found.total.backward()
    assert torch.isfinite(found.total) and all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_bf16_keeps_fp32_sums() -> None:
    model, batch = setting(dropout=0.0)
    with torch.autocast("cpu", torch.bfloat16):
        near = r_drop(model, batch, 5.0)
    assert near.nats.dtype == torch.float32
    assert near.nats.item() == pytest.approx(r_drop(model, batch, 5.0).nats.item(), rel=0.01)
