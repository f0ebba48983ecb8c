"""The chunked loss against torch's cross-entropy over whole logits."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from anyformer import architectures, loss
from anyformer.batch import Batch
from anyformer.loss import rows
from anyformer.model.model import Model


def setting(head: dict | None = None) -> tuple[Model, Batch]:
    torch.manual_seed(0)
    config = architectures.get("transformer-tiny", vocab_size=70, d_model=16, d_ff=20, dropout=0.0)
    model = config.override("head", head or {}).build()
    tokens, targets = torch.randint(1, 70, (2, 3, 6))
    weights = torch.tensor([[1.0] * 6, [1, 1, 1, 0, 0, 0], [1, 0.5, 0.25, 1, 0, 0]])
    return model, Batch(tokens=tokens, targets=targets, weights=weights, source=targets)


def gradients(model: Model) -> list[torch.Tensor]:
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    return found


@pytest.mark.parametrize("block_bytes", [1, 2**24])
@pytest.mark.parametrize(("smoothing", "z_loss"), [(0.0, 0.0), (0.1, 0.0), (0.1, 1e-2)])
@pytest.mark.parametrize("head", [{}, {"bias": True}, {"tied": False, "bias": True}, {"scale": 0.25}])
def test_equals_the_plain_loss(block_bytes: int, smoothing: float, z_loss: float, head: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK_BYTES", block_bytes)
    model, batch = setting(head)
    found = loss.cross_entropy(model(batch), batch, smoothing, z_loss)
    (3 * found.total).backward()
    mine = gradients(model)
    logits = model(batch).logits.flatten(0, 1)
    weights, targets = batch.weights.flatten(), batch.targets.flatten()
    each = F.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing) + z_loss * logits.logsumexp(-1) ** 2
    (3 * each @ weights).backward()
    assert found.total.item() == pytest.approx((each @ weights).item(), rel=1e-5)
    assert found.nats.item() == pytest.approx((F.cross_entropy(logits, targets, reduction="none") @ weights).item(), rel=1e-5)
    assert found.weight.item() == weights.sum().item()
    for a, b in zip(mine, gradients(model), strict=True):
        assert (a - b).norm() <= 1e-4 * b.norm() + 1e-5


def test_bf16_keeps_fp32_sums() -> None:
    model, batch = setting()
    exact = loss.cross_entropy(model(batch), batch)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(batch)
        near = loss.cross_entropy(output, batch)
    assert output.hidden.dtype == torch.bfloat16
    assert near.nats.dtype == torch.float32 and near.nats.item() == pytest.approx(exact.nats.item(), rel=0.01)


def test_an_improbable_target_stays_exact() -> None:
    """Where a probability underflows, the loss comes from the logits."""
    model, batch = setting()
    with torch.no_grad():
        model.embedding.weight.mul_(300)
    found = loss.cross_entropy(model(batch), batch)
    expected = F.cross_entropy(model(batch).logits.flatten(0, 1), batch.targets.flatten(), reduction="none") @ batch.weights.flatten()
    assert torch.isfinite(found.nats) and found.nats.item() == pytest.approx(expected.item(), rel=1e-5)
    assert expected > 87 * batch.weights.sum() / 4
