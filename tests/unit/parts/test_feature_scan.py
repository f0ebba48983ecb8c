"""Sums over earlier keys, chunk by chunk, against one query and one key at a time."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from anyformer.parts import feature_scan
from anyformer.parts.feature_scan import read_documents, read_later, scan
from anyformer.parts.feature_sums import Keys, Seen, add_up, read

ROWS, HEADS, FEATURES, WIDTH = 2, 2, 4, 3


def drawn(length: int, gated: bool = True, seed: int = 0) -> tuple[Tensor, Keys, Tensor]:
    """Queries, keys of which some do not count, and documents that stand together."""
    torch.manual_seed(seed)
    q, k = torch.rand(2, ROWS, HEADS, length, FEATURES)
    values = F.pad(torch.randn(ROWS, HEADS, length, WIDTH), (0, 1), value=1.0)
    weight = 3 * torch.randn(ROWS, HEADS, length)
    weight[0, :, 1:3] = -torch.inf
    decay = -torch.rand(ROWS, HEADS, length) if gated else None
    return q, Keys(k, values, weight, decay), torch.randint(0, 3, (ROWS, length)).sort(1).values


def by_the_equation(q: Tensor, keys: Keys, allowed: Tensor) -> Tensor:
    """out_t = sum_s w_ts (q_t k_s) v_s / sum_s w_ts (q_t k_s), in double precision; allowed [B, T, S]."""
    q, k, v, a = (t.double() for t in (q, *keys[:3]))
    d = torch.zeros_like(a) if keys.decay is None else keys.decay.double()
    out = torch.zeros(*q.shape[:3], WIDTH, dtype=torch.float64)
    for b, n, t in torch.cartesian_prod(*(torch.arange(size) for size in q.shape[:3])).tolist():
        top, below = torch.zeros(WIDTH, dtype=torch.float64), 0.0
        for s in allowed[b, t].nonzero().flatten().tolist():
            w = torch.exp(a[b, n, s] + d[b, n, s + 1 : t + 1].sum()) * (q[b, n, t] @ k[b, n, s])
            top, below = top + w * v[b, n, s, :-1], below + w
        out[b, n, t] = top / below if below else 0.0
    return out


def before(length: int, documents: Tensor | None = None, diagonal: int = 0) -> Tensor:
    allowed = torch.ones(ROWS, length, length, dtype=torch.bool).tril(diagonal)
    return allowed if documents is None else allowed & (documents[:, :, None] == documents[:, None, :])


def close(seen: Seen, expected: Tensor) -> bool:
    return bool((seen.mean(1e-30) - expected).abs().max() < 1e-5)


@pytest.fixture(params=[1, 3, 4, 128], autouse=True)
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_scan, "CHUNK", request.param)


@pytest.mark.parametrize("length", [1, 11])
@pytest.mark.parametrize("itself", [True, False])
def test_a_scan_sees_what_came_before_in_the_document(length: int, itself: bool) -> None:
    q, keys, documents = drawn(length)
    diagonal = 0 if itself else -1
    assert close(scan(q, keys, documents, itself=itself)[0], by_the_equation(q, keys, before(length, documents, diagonal)))
    assert close(scan(q, keys, itself=itself)[0], by_the_equation(q, keys, before(length, None, diagonal)))


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_a_stream_may_come_in_pieces(cut: int) -> None:
    q, keys, documents = drawn(11)
    first, rest = (Keys(*(t[:, :, part] for t in keys)) for part in (slice(cut), slice(cut, None)))  # type: ignore[union-attr]
    for packed in (False, True):
        of = documents if packed else None
        a, state = scan(q[:, :, :cut], first, None if of is None else of[:, :cut], keep=True)
        b, _ = scan(q[:, :, cut:], rest, None if of is None else of[:, cut:], state, None if of is None else of[:, cut - 1], keep=True)
        seen = Seen(torch.cat([a.sums, b.sums], 2), torch.cat([a.top, b.top], 2))
        assert close(seen, by_the_equation(q, keys, before(11, of)))


def test_later_keys_and_both_together() -> None:
    q, keys, documents = drawn(11, gated=False)
    same = documents[:, :, None] == documents[:, None, :]
    later, earlier = read_later(q, keys, documents), scan(q, keys, documents)[0]
    assert close(later, by_the_equation(q, keys, same & ~before(11)))
    assert close(later.join(earlier), by_the_equation(q, keys, same))
    assert close(read(q, add_up(keys)), by_the_equation(q, keys, torch.ones_like(same)))


def test_documents_of_another_text_in_any_order() -> None:
    q, keys, of_k = drawn(11, gated=False)
    of_q = torch.randint(0, 4, (ROWS, 7))  # one of the documents has no keys
    q = q[:, :, :7]
    expected = by_the_equation(q, keys, of_q[:, :, None] == of_k[:, None, :])
    assert close(read_documents(q, keys, of_q, of_k), expected) and (expected == 0).all(-1).any()


def test_gradients_are_those_of_all_pairs() -> None:
    q, keys, documents = drawn(11)
    given = [q, *keys]
    for t in given:
        t.requires_grad_()  # type: ignore[union-attr]
    scan(q, keys, documents)[0].mean(1e-30).square().sum().backward()
    found = [t.grad for t in given]  # type: ignore[union-attr]
    again = [t.detach().double().requires_grad_() for t in given]  # type: ignore[union-attr]
    q, k, v, a, d = again
    lost = d.cumsum(-1)
    w = (a.unsqueeze(2) + lost.unsqueeze(3) - lost.unsqueeze(2)).masked_fill(~before(11, documents)[:, None], -torch.inf).exp() * (q @ k.transpose(2, 3))
    seen = w @ v
    (seen[..., :-1] / seen[..., -1:].clamp(min=1e-30)).square().sum().backward()
    for ours, expected in zip(found, (t.grad for t in again), strict=True):
        real = ~expected.isnan()
        assert (ours - expected)[real].abs().max() < 1e-4 * max(1.0, float(expected[real].abs().max()))
        assert not ours.isnan().any()
