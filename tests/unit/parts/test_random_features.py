"""Performer and RFA against loops written from their papers' equations, and what a sum must not do: remember other documents, or look ahead."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from variants import attention, block, decoder

from anyformer.errors import ConfigError
from anyformer.model.count import kv_cache_bytes_per_token
from anyformer.model.flops import flops_per_token
from anyformer.parts import feature_flow, feature_scan
from anyformer.parts.alibi import ALiBi
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.feature_scan import CHUNK
from anyformer.parts.feed_forward import MLP
from anyformer.parts.lowering import Facts, Plan
from anyformer.parts.mask import Causal, Full, Mask, Prefix, Window
from anyformer.parts.mechanism import Mechanism, Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.performer import Performer, orthogonal_normal
from anyformer.parts.place import Place, place_of
from anyformer.parts.random_features import RandomFeatures
from anyformer.parts.residual import pre_norm
from anyformer.parts.rfa import RFA
from anyformer.parts.rotary import Rotary

ROWS, HEADS, WIDTH, MODEL, LENGTH, SCALE = 2, 3, 5, 12, 9, 0.4
CONFIGS: dict[str, RandomFeatures.Config] = {
    "positive": Performer.Config(n_features=7),
    "hyperbolic": Performer.Config(n_features=4, kernel="hyperbolic", orthogonal=False),
    "relu": Performer.Config(n_features=7, kernel="relu"),
    "RFA": RFA.Config(n_features=40),
    "RFA, gated": RFA.Config(n_features=400, gate=True),
}
UNGATED = {name: config for name, config in CONFIGS.items() if "gated" not in name}


@pytest.fixture(params=[(4, 1), (2, 1 << 20), (128, 1 << 20)], ids=["pieces of 4", "chunks of 2", "one chunk"])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_scan, "CHUNK", request.param[0])
    monkeypatch.setitem(feature_flow.AT_ONCE, "cpu", request.param[1])


in_chunks = pytest.mark.usefixtures("chunk")


def made(config: Mechanism.Config, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    part = config.build(MODEL, HEADS, WIDTH)
    with torch.no_grad():
        for name, parameter in part.named_parameters():
            parameter.copy_(1 + 0.3 * torch.randn(parameter.shape) if name == "sigma" else torch.randn(parameter.shape))
    return part


def drawn(n_q: int = LENGTH, n_k: int = LENGTH, kv_heads: int = HEADS, seed: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """q, k, v and the attention's input."""
    torch.manual_seed(seed)
    keys = torch.randn(2, ROWS, kv_heads, n_k, WIDTH)
    return torch.randn(ROWS, HEADS, n_q, WIDTH), keys[0], keys[1], torch.randn(ROWS, n_q, MODEL)


# ---- the papers


def phi(part: Any, x: Tensor, head: int) -> Tensor:
    """The features of one vector [H], in double precision."""
    if isinstance(part, RFA):  # Peng et al. 2021, equation 3, section 3.1
        w = part.directions[head].double() * part.sigma.detach().double().view(HEADS, WIDTH)[head]
        x = x / x.norm()
        return torch.cat([(w @ x).sin(), (w @ x).cos()]) / len(w) ** 0.5
    w, x = part.directions.double(), x * SCALE**0.5
    if part.kernel == "relu":  # Choromanski et al. 2021, section 4
        return (w @ x).clamp(min=0) + 1e-3
    g = torch.exp(-x.square().sum() / 2)  # lemma 1, equations 6 and 7
    if part.kernel == "hyperbolic":
        return g * torch.cat([torch.exp(w @ x), torch.exp(-w @ x)]) / (2 * len(w)) ** 0.5
    return g * torch.exp(w @ x) / len(w) ** 0.5


def by_the_paper(part: Any, q: Tensor, k: Tensor, v: Tensor, allowed: Tensor) -> Tensor:
    """sum_s phi(q) phi(k_s) v_s / sum_s phi(q) phi(k_s) over the allowed keys, [B, T, N * H]; allowed [B, T, S]."""
    out = torch.zeros(ROWS, q.shape[2], HEADS, WIDTH, dtype=torch.float64)
    for b in range(ROWS):
        for n in range(HEADS):
            of_k = [phi(part, x, n) for x in k[b, n * k.shape[1] // HEADS].double()]
            for t in range(q.shape[2]):
                of_q = phi(part, q[b, n, t].double(), n)
                seen = allowed[b, t].nonzero().flatten().tolist()
                a = torch.stack([of_q @ of_k[s] for s in seen]) if seen else torch.zeros(0).double()
                below = a.sum().clamp(min=part.floor)
                out[b, t, n] = a @ v[b, n * k.shape[1] // HEADS, seen].double() / below
    return out.flatten(2)


def by_the_recurrence(part: Any, q: Tensor, k: Tensor, v: Tensor, x: Tensor) -> Tensor:
    """Peng et al. 2021, section 3.2: s_t = g s_(t-1) + (1 - g) phi(k) v, z_t = g z_(t-1) + (1 - g) phi(k), out = phi(q) s / phi(q) z."""
    out = torch.zeros(ROWS, LENGTH, HEADS, WIDTH, dtype=torch.float64)
    weight, bias = part.forget.weight.detach().double(), part.forget.bias.detach().double()
    for b in range(ROWS):
        for n in range(HEADS):
            s, z = torch.zeros(2 * part.directions.shape[1], WIDTH).double(), torch.zeros(2 * part.directions.shape[1]).double()
            for t in range(LENGTH):
                g = torch.sigmoid(weight[n] @ x[b, t].double() + bias[n])
                f = phi(part, k[b, n, t].double(), n)
                s, z = g * s + (1 - g) * torch.outer(f, v[b, n, t].double()), g * z + (1 - g) * f
                of_q = phi(part, q[b, n, t].double(), n)
                out[b, t, n] = of_q @ s / (of_q @ z)
    return out.flatten(2)


# ---- our side


def facts(q: Place, k: Place | None = None, packed: bool = False) -> Facts:
    k = q if k is None else k
    return Facts(q, k, "none" if k.segment is None else "any", packed, torch.float32)


def at(segment: list[list[int]] | None = None, prefix: list[list[int]] | None = None, n: int = LENGTH) -> Place:
    segments = None if segment is None else torch.tensor(segment)
    return place_of(torch.zeros(ROWS, n, dtype=torch.int64), segments, None, None if prefix is None else torch.tensor(prefix).bool())


def run(part: Any, given: tuple[Tensor, ...], plan: Plan, **options: Any) -> Tensor:
    q, k, v, x = given
    return part(q, k, v, x, plan, SCALE, None, **options)


def close(found: Tensor, expected: Tensor, real: Tensor | None = None) -> bool:
    difference = (found - expected).abs()
    largest = max(1.0, float((expected if real is None else expected[real]).detach().abs().max()))
    return bool((difference if real is None else difference[real]).max() < 2e-5 * largest)


PADDED = {"none": None, "right": [[1] * 9, [1] * 5 + [0] * 4], "left": [[0] * 2 + [1] * 7, [0] * 8 + [1]], "holes": [[1, 0, 1, 1, 0, 0, 1, 1, 1]] * 2}
PACKED = [[1, 1, 1, 2, 2, 3, 3, 3, 3], [0, 4, 4, 4, 4, 4, 9, 9, 0]]
PREFIX = [[1, 1, 0, 1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 0, 0, 1, 0, 0]]


@in_chunks
@pytest.mark.parametrize("kind", UNGATED)
@pytest.mark.parametrize("mask", [Full(), Causal(), Causal() | Prefix()], ids=lambda m: m.to_text())
@pytest.mark.parametrize("padding", PADDED)
def test_one_document_with_padding(kind: str, mask: Mask, padding: str) -> None:
    part, given, place = made(CONFIGS[kind]), drawn(), at(PADDED[padding], PREFIX if mask == (Causal() | Prefix()) else None)
    real = torch.ones(ROWS, LENGTH, dtype=torch.bool) if place.segment is None else place.segment != 0
    allowed = mask.allows(place, place).expand(ROWS, LENGTH, LENGTH) & real[:, None, :]
    plan = part.lower(mask, None, facts(place))
    assert close(run(part, given, plan), by_the_paper(part, *given[:3], allowed), real)
    if kind != "RFA":  # whose weights may be below 0
        weights = part.weights(*given[:2], given[3], plan, SCALE)
        assert close(torch.einsum("bnts,bnsh->btnh", weights, given[2]).flatten(2), run(part, given, plan), real)


@in_chunks
@pytest.mark.parametrize("kind", UNGATED)
@pytest.mark.parametrize("mask", [Full(), Causal(), Causal() | Prefix()], ids=lambda m: m.to_text())
def test_packed_documents(kind: str, mask: Mask) -> None:
    part, given, place = made(CONFIGS[kind]), drawn(), at(PACKED, PREFIX if mask == (Causal() | Prefix()) else None)
    assert place.segment is not None
    same = (place.segment[:, :, None] == place.segment[:, None, :]) & (place.segment != 0)[:, None, :]
    causal = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril() if mask != Full() else torch.ones(LENGTH, LENGTH, dtype=torch.bool)
    seen = causal if place.prefix is None else causal | place.prefix[:, None, :]
    out = run(part, given, part.lower(mask, None, facts(place, packed=True)))
    assert close(out, by_the_paper(part, *given[:3], same & seen), place.segment != 0)


@in_chunks
@pytest.mark.parametrize("kind", UNGATED)
@pytest.mark.parametrize("packed", [False, True])
def test_a_memory_of_another_length(kind: str, packed: bool) -> None:
    part, given = made(CONFIGS[kind]), drawn(n_q=6)
    q, k = at([[1, 1, 2, 2, 2, 2], [3, 3, 3, 3, 3, 0]] if packed else None, n=6), at(PACKED if packed else PADDED["left"])
    assert k.segment is not None
    allowed = (k.segment != 0)[:, None, :].expand(ROWS, 6, LENGTH)
    if packed:
        assert q.segment is not None
        allowed = allowed & (q.segment[:, :, None] == k.segment[:, None, :])
    out = run(part, given, part.lower(Full(), None, facts(q, k, packed)))
    real = torch.ones(ROWS, 6, dtype=torch.bool) if q.segment is None else q.segment != 0
    assert close(out, by_the_paper(part, *given[:3], allowed), real)
    if not packed:
        state = part.remember(*given[1:3])
        for _ in range(2):  # the second time from the sums
            assert close(part(given[0], None, None, given[3], part.lower(Full(), None, facts(q, k)), SCALE, None, state), out)
        assert state.k.numel() == 0
        state.select(torch.tensor([1]))
        plan = part.lower(Full(), None, facts(Place(q.index, q.position, None), Place(k.index, k.position, k.segment[1:])))
        assert close(part(given[0][1:], None, None, given[3][1:], plan, SCALE, None, state), out[1:])


@in_chunks
def test_a_gate_forgets() -> None:
    part, given = made(CONFIGS["RFA, gated"]), drawn()
    assert close(run(part, given, part.lower(Causal(), None, facts(at()))), by_the_recurrence(part, *given))
    padded = at([[0, 0, 0, *[1] * 6]] * ROWS)
    q, k, v, x = given
    late = run(part, given, part.lower(Causal(), None, facts(padded)))[:, 3:]
    alone = run(part, (q[:, :, 3:], k[:, :, 3:], v[:, :, 3:], x[:, 3:]), part.lower(Causal(), None, facts(at(n=6))))
    assert close(late, alone), "padding neither adds nor forgets"
    holes = torch.tensor([1, 1, 0, 0, 1, 1, 0, 1, 1]).bool()
    found = run(part, given, part.lower(Causal(), None, facts(at([holes.long().tolist()] * ROWS))))[:, holes]
    kept = (q[:, :, holes], k[:, :, holes], v[:, :, holes], x[:, holes])
    assert close(found, run(part, kept, part.lower(Causal(), None, facts(at(n=6)))))
    packed = run(part, given, part.lower(Causal(), None, facts(at([[5, 5, 5, *[6] * 6]] * ROWS), packed=True)))[:, 3:]
    assert close(packed, alone)


@pytest.mark.parametrize("kind", UNGATED)
@pytest.mark.parametrize("kv_heads", [1, HEADS])
def test_key_heads_may_be_shared(kind: str, kv_heads: int) -> None:
    part, given = made(CONFIGS[kind]), drawn(kv_heads=kv_heads)
    allowed = torch.ones(ROWS, LENGTH, LENGTH, dtype=torch.bool).tril()
    assert close(run(part, given, part.lower(Causal(), None, facts(at()))), by_the_paper(part, *given[:3], allowed))


# ---- what it approximates


def softmax(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    scores = (q @ k.transpose(-1, -2) * scale).masked_fill(~torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril(), -torch.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("kernel", ["softmax", "hyperbolic"])
def test_performer_approaches_softmax(kernel: str) -> None:
    q, k, v, x = drawn()
    given = q / 2, k / 2, v, x
    expected = softmax(*given[:3], SCALE)

    def error(n_features: int) -> float:
        config = Performer.Config(n_features=n_features, kernel=kernel)  # type: ignore[arg-type]
        errors = []
        for seed in range(5):
            part = made(config, seed)
            errors.append(float((run(part, given, part.lower(Causal(), None, facts(at()))) - expected).norm() / expected.norm()))
        return sum(errors) / 5

    few, many = error(50), error(5000)
    assert many < 0.02 and 5 < few / many < 20, "ten times smaller with a hundred times as many"


def test_rfa_approaches_softmax_of_unit_vectors() -> None:
    given, part = drawn(), made(RFA.Config(n_features=20000))
    sigma = part.sigma.detach().view(HEADS, 1, WIDTH)
    q, k = (torch.nn.functional.normalize(t, dim=-1) * sigma for t in given[:2])
    distances = -(q.unsqueeze(3) - k.unsqueeze(2)).square().sum(-1) / 2
    weights = distances.masked_fill(~torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril(), -torch.inf).softmax(-1)
    expected = (weights @ given[2]).transpose(1, 2).flatten(2)
    assert (run(part, given, part.lower(Causal(), None, facts(at()))) - expected).norm() / expected.norm() < 0.02


def kernel_estimates(n: int, **fields: Any) -> tuple[Tensor, float]:
    """n estimates of exp(q k), each by as many directions as a head has dimensions, and the truth."""
    torch.manual_seed(3)
    q, k = 0.4 * torch.randn(2, WIDTH)
    part = Performer.Config(n_features=n * WIDTH, **fields).build(MODEL, 1, WIDTH)
    features, weight = part.of_keys(torch.stack([q, k])[None, None], 1.0)
    phi_q, phi_k = (features * weight.exp().unsqueeze(-1))[0, 0].double()
    return (phi_q * phi_k).view(-1, n, WIDTH).mean((0, 2)), float(torch.exp(q @ k))


def test_estimates_are_unbiased_and_right_angles_and_pairs_lower_their_variance() -> None:
    variance, n = {}, 50_000
    for name, fields in {"independent": {"orthogonal": False}, "orthogonal": {}, "pairs": {"orthogonal": False, "kernel": "hyperbolic"}}.items():
        found, truth = kernel_estimates(n, **fields)
        assert abs(found.mean() - truth) < 4 * found.std() / n**0.5
        variance[name] = float(found.var())
    assert variance["orthogonal"] < 0.9 * variance["independent"] and variance["pairs"] < 0.6 * variance["independent"]


def test_directions_are_normal_and_at_right_angles() -> None:
    torch.manual_seed(0)
    w = orthogonal_normal(11, 4)
    cosines = torch.nn.functional.normalize(w, dim=-1) @ torch.nn.functional.normalize(w, dim=-1).t()
    block = torch.arange(11) // 4
    inside = (block[:, None] == block[None, :]) & ~torch.eye(11, dtype=torch.bool)
    assert cosines[inside].abs().max() < 1e-6 < cosines[~inside].abs().min()
    many = torch.stack([orthogonal_normal(4, 4) for _ in range(5000)])
    assert many.mean((0, 1)).abs().max() < 0.03 and (many.var((0, 1)) - 1).abs().max() < 0.05
    assert abs(float(many.square().sum(-1).var()) - 8) < 0.5, "squared lengths are chi-squared, of variance 2 H"


# ---- what sums must not do


@in_chunks
@pytest.mark.parametrize("kind", CONFIGS)
def test_later_keys_move_nothing_before_them(kind: str) -> None:
    part, (q, k, v, x) = made(CONFIGS[kind]), drawn()
    plan = part.lower(Causal(), None, facts(at()))
    before = run(part, (q, k, v, x), plan)[:, :6]
    w = part.directions if part.directions.dim() == 2 else part.directions[0]
    loud, louder = k.clone(), v.clone()
    loud[:, :, 6:] = 8 * torch.nn.functional.normalize(w[0], dim=0) / SCALE**0.5  # of a kernel exp(30) times theirs and more
    louder[:, :, 6:] = 1e6
    assert torch.equal(run(part, (q, loud, louder, x), plan)[:, :6], before)


@in_chunks
def test_keys_of_very_different_weight() -> None:
    part, (q, k, v, x) = made(Performer.Config(n_features=16)), drawn()
    k[:, :, :3] = 20 * torch.nn.functional.normalize(k[:, :, :3], dim=-1)  # exp(-80) times the others: nothing, in fp32, beside them
    allowed = torch.ones(ROWS, LENGTH, LENGTH, dtype=torch.bool).tril()
    out = run(part, (q, k, v, x), part.lower(Causal(), None, facts(at())))
    expected = by_the_paper(part, q, k, v, allowed)
    assert (out - expected).abs().max() < 1e-4 * expected.abs().max()
    for t in (q, k, v):
        t.requires_grad_()
    run(part, (q * 30, k * 30, v, x), part.lower(Causal(), None, facts(at()))).sum().backward()
    assert all(t.grad is not None and t.grad.isfinite().all() for t in (q, k, v))


# ---- decoding


@in_chunks
@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("pieces", [[1] * 9, [5, 1, 3]], ids=str)
@pytest.mark.parametrize("segment", [None, [[1] * 9, [0] * 3 + [1] * 6], PACKED], ids=["plain", "left", "packed"])
def test_cached_equals_full(kind: str, pieces: list[int], segment: list[list[int]] | None) -> None:
    part, given, place = made(CONFIGS[kind]), drawn(), at(segment)
    packed = segment is PACKED
    full = run(part, given, part.lower(Causal(), None, facts(place, packed=packed)))
    state = part.new_state(ROWS, HEADS, WIDTH, LENGTH, 1, torch.device("cpu"), torch.float32)
    size, found, begin = [t.shape for t in state.sums], [], 0
    for n in pieces:
        end = begin + n
        q, k = (Place(place.index[a:end], place.position[:, a:end], None if place.segment is None else place.segment[:, a:end]) for a in (begin, 0))
        part_of = tuple(t[:, begin:end] if t is given[3] else t[:, :, begin:end] for t in given)
        found.append(run(part, part_of, part.lower(Causal(), None, facts(q, k, packed)), state=state))
        begin = end
    real = torch.ones(ROWS, LENGTH, dtype=torch.bool) if place.segment is None else place.segment != 0
    assert close(torch.cat(found, 1), full, real) and state.used == LENGTH
    assert size == [t.shape for t in state.sums], "as much for a long text as for a short one"


def test_a_state_can_be_reordered_and_begun_anew_but_not_cut() -> None:
    part, given = made(CONFIGS["positive"]), drawn()
    state = part.new_state(ROWS, HEADS, WIDTH, LENGTH, 1, torch.device("cpu"), torch.float32)
    plan = part.lower(Causal(), None, facts(at()))
    first = run(part, given, plan, state=state)
    state.truncate(LENGTH)
    with pytest.raises(ValueError, match="cannot be cut to 4"):
        state.truncate(4)
    before = state.products
    state.select(torch.tensor([1, 1, 0]))
    assert state.rows == 3 and torch.equal(state.products, before[[1, 1, 0]])
    state.select(torch.tensor([2, 0]))
    state.truncate(0)
    assert torch.equal(run(part, given, plan, state=state), first)


# ---- cost


class Largest(TorchDispatchMode):
    """The size of the largest tensor that was made, in elements, and of all together."""

    largest = total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        for t in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(t, Tensor) and t._base is None and t.untyped_storage().nbytes() == t.nbytes:
                self.largest, self.total = max(self.largest, t.numel()), self.total + t.numel()
        return out


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("packed", [False, True])
def test_memory_is_linear_in_length(kind: str, packed: bool) -> None:
    part = CONFIGS[kind].build(MODEL, 1, WIDTH)

    def cost(length: int) -> tuple[int, int]:
        q, k, v = torch.randn(3, 1, 1, length, WIDTH)
        segment = (torch.arange(length) // 100 + 1).unsqueeze(0) if packed else None
        place = place_of(torch.zeros(1, length, dtype=torch.int64), segment, None)
        with torch.no_grad(), Largest() as seen:
            run(part, (q, k, v, torch.randn(1, length, MODEL)), part.lower(Causal(), None, facts(place, packed=packed)))
        return seen.largest, seen.total

    (largest, total), (largest_of_4, total_of_4) = cost(8 * CHUNK), cost(32 * CHUNK)
    assert 3.9 < largest_of_4 / largest < 4.1 and 3.8 < total_of_4 / total < 4.2
    assert largest_of_4 <= 32 * CHUNK * max(CHUNK, part.n_features)


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("mask", [Full(), Causal()], ids=lambda m: m.to_text())
def test_only_the_features_of_a_piece_exist_at_a_time(kind: str, mask: Mask, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is computed again on the way back gives the same gradients."""
    if mask == Full() and kind not in UNGATED:
        return
    part, length = made(CONFIGS[kind]), 6 * CHUNK
    q, k, v, x = drawn(length, length)
    plan = part.lower(mask, None, facts(at(n=length)))
    found = []
    for at_once in (1 << 30, 1):
        monkeypatch.setitem(feature_flow.AT_ONCE, "cpu", at_once)
        part.zero_grad()
        given = [t.detach().requires_grad_() for t in (q, k, v, x)]
        with torch.no_grad(), Largest() as cost:
            run(part, tuple(given), plan)
        out = run(part, tuple(given), plan)
        out.square().sum().backward()
        gradients = [t.grad for t in given if t.grad is not None] + [p.grad for p in part.parameters()]
        found.append((cost.largest, out, gradients))
    (large, expected, by_whole), (small, out, by_pieces) = found
    one_piece = ROWS * HEADS * CHUNK * max(CHUNK, part.n_features)
    assert large >= ROWS * HEADS * length * part.n_features and small <= max(one_piece, ROWS * HEADS * length * (WIDTH + 1))
    assert close(out, expected)
    assert len(by_whole) == len(by_pieces) and all(close(a, b) for a, b in zip(by_pieces, by_whole, strict=True))


def test_operations_and_bytes_do_not_grow_with_the_text() -> None:
    config = decoder(block(attention=attention(mechanism=Performer.Config(n_features=11, kernel="hyperbolic"))))
    softmax = flops_per_token(decoder(block()), 100) - 2 * 2 * 2 * 24 * 100  # two layers of scores and weighted values over 100 keys
    features = 2 * 24 * 11 * 2 + 2 * 24 * 22 * 2  # W q and W k; 22 features meet the values, into the sum and out of it
    assert flops_per_token(config, 100) == flops_per_token(config, 10**6) == softmax + 2 * features
    assert kv_cache_bytes_per_token(config) == 0


@pytest.mark.parametrize("kind", CONFIGS)
def test_close_in_bf16(kind: str) -> None:
    part, given = made(CONFIGS[kind]), drawn()
    plan = part.lower(Causal(), None, facts(at()))
    exact, near = run(part, given, plan), run(part, tuple(t.bfloat16() for t in given), plan)
    assert near.dtype == torch.bfloat16 and (near - exact).norm() / exact.norm() < 0.02


# ---- redrawing


def test_features_are_redrawn_by_the_trainer_alone() -> None:
    part = made(Performer.Config(redraw_every=3))
    first = part.directions.clone()
    for step, changed in ((1, False), (2, False), (3, True), (4, False)):
        part.after_step(step)
        assert torch.equal(part.directions, first) != (changed or step > 3)
    assert "directions" in part.state_dict()
    kept = made(RFA.Config(redraw_every=None))
    first = kept.directions.clone()
    kept.after_step(1)
    assert torch.equal(kept.directions, first)
    torch.manual_seed(5)
    part.redraw()
    first = part.directions.clone()
    torch.manual_seed(5)
    part.redraw()
    assert torch.equal(part.directions, first)


def test_every_layer_draws_its_own() -> None:
    def directions(seed: int) -> list[Tensor]:
        torch.manual_seed(seed)
        model = decoder(block(attention=attention(mechanism=Performer.Config()))).build()
        return [part.directions for part in model.modules() if isinstance(part, Performer)]

    one, other = directions(0)
    assert not torch.equal(one, other) and torch.equal(one, directions(0)[0]) and not torch.equal(one, directions(1)[0])


# ---- what cannot be


def refusals(**fields: Any) -> Iterator[str]:
    attention = MultiHeadAttention.Config(n_heads=2, **fields)
    yield from (f"{field}: {message}" for field, message in attention.misfits(8))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"mask": Causal() & Window(left=3), "mechanism": Performer.Config()},
            r"mask: .*Causal\(\) & Window\(left=3\) does; take Causal\(\), or mechanism: Soft",
        ),
        ({"mask": Window(left=3, right=3), "mechanism": RFA.Config()}, r"mask: .*take Full\(\)"),
        ({"mask": Causal() & Window(left=3) | Prefix(), "mechanism": RFA.Config()}, r"mask: .*take Causal\(\) \| Prefix\(\)"),
        ({"position": ALiBi.Config(), "mechanism": Performer.Config()}, "position: .*no scores to which ALiBi could add; take Rotary"),
        ({"mask": Full(), "mechanism": RFA.Config(gate=True)}, r"mechanism.gate: .*take mask: Causal\(\), or gate: false"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_out(fields: dict[str, Any], message: str) -> None:
    (found,) = refusals(**fields)
    assert re.search(message, found), found


def test_what_fits() -> None:
    for mask in (Full(), Causal(), Causal() | Prefix(), Prefix() | Causal()):
        assert not list(refusals(mask=mask, mechanism=Performer.Config(), position=Rotary.Config()))
    assert not list(refusals(mask=Causal() & Window(left=3), mechanism=Softmax.Config()))
    with pytest.raises(ConfigError, match="n_features: must be at least 1, not 0"):
        Performer.Config(n_features=0)
    assert made(Performer.Config()).directions.shape == (round(WIDTH * math.log(WIDTH)), WIDTH)


def test_a_memory_is_read_as_a_whole() -> None:
    crossing = MultiHeadAttention.Config(n_heads=2, mask=Causal(), mechanism=RFA.Config())
    own = MultiHeadAttention.Config(n_heads=2, mask=Causal())
    block = TransformerBlock.Config(attention=own, cross_attention=crossing, feed_forward=MLP.Config(d_ff=4), residual=pre_norm(LayerNorm.Config()))
    ((field, message),) = block.misfits(8)
    assert field == "cross_attention.mask" and "take Full()" in message
