"""Latent attention against the paper's equations, and its two ways to compute against each other."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from places import place
from torch import Tensor
from variants import block, decoder

from anyformer.batch import Batch
from anyformer.errors import ConfigError
from anyformer.model.count import kv_cache_bytes_per_token
from anyformer.parts.alibi import ALiBi
from anyformer.parts.kv_cache import FixedKeys
from anyformer.parts.latent_attention import LatentAttention, Latents
from anyformer.parts.lowering import Facts, Plan
from anyformer.parts.mask import Causal, Full
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.performer import Performer
from anyformer.parts.place import Place
from anyformer.parts.residual import Residual
from anyformer.parts.rope_by_pair import YaRN
from anyformer.parts.rotary import Rotary
from anyformer.parts.shaw import Shaw

MODEL, LENGTH = 12, 6
FIELDS: dict[str, Any] = {"n_heads": 3, "kv_rank": 7, "nope_dim": 4, "rope_dim": 2, "value_dim": 5, "mask": Causal(), "position": Rotary.Config(base=30.0)}


def made(**fields: Any) -> tuple[LatentAttention, Any]:
    """The part with random weights, and the position that a stack would share."""
    torch.manual_seed(0)
    config = LatentAttention.Config(**(FIELDS | fields))
    part = config.build(MODEL)
    for name, parameter in part.named_parameters():
        torch.nn.init.normal_(parameter, mean=1.0 if "norm" in name else 0.0, std=0.5)
    return part, None if config.position is None else config.position.build(MODEL, *config.heads(MODEL))


def lowered(part: LatentAttention, position: Any, q: Place, k: Place | None = None) -> Plan:
    return part.lower(position, Facts(q, q if k is None else k, "none", False, torch.float32))


def by_the_paper(part: LatentAttention, x: Tensor) -> Tensor:
    """DeepSeek-V2, equations 9 to 13 and 37 to 47, one token and head at a time, in double precision."""
    w = {name: p.detach().double() for name, p in part.named_parameters()}
    x, norm = x.double(), lambda t, name: t * torch.rsqrt(t.square().mean() + 1e-6) * w[f"{name}.weight"]

    def turned(t: Tensor, at: int) -> Tensor:
        angle = torch.tensor(float(at)).double()  # of the only pair: base^0 a step
        (a, b), cos, sin = t, angle.cos(), angle.sin()
        return torch.stack([a * cos - b * sin, b * cos + a * sin])

    latents = [norm(w["latent.weight"] @ t, "latent_norm") for t in x]
    shared = [turned(w["turned_key.weight"] @ t, i) for i, t in enumerate(x)]
    out = []
    for t in range(len(x)):
        source = norm(w["query_down.weight"] @ x[t], "query_norm") if "query_down.weight" in w else x[t]
        seen = []
        for n in range(3):
            q = (w["query.weight"] @ source)[6 * n : 6 * n + 6]
            q = torch.cat([q[:4], turned(q[4:], t)])
            keys = [torch.cat([(w["key.weight"] @ latents[s])[4 * n : 4 * n + 4], shared[s]]) for s in range(t + 1)]
            a = torch.stack([q @ k for k in keys]).div(6**0.5).softmax(0)
            seen.append(sum(a[s] * (w["value.weight"] @ latents[s])[5 * n : 5 * n + 5] for s in range(t + 1)))
        out.append(w["out.weight"] @ torch.cat(seen))
    return torch.stack(out)


@torch.no_grad()
@pytest.mark.parametrize("q_rank", [None, 9])
def test_it_is_the_paper_and_absorbed_it_is_the_same(q_rank: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    part, position = made(q_rank=q_rank)
    x = torch.randn(2, LENGTH, MODEL)
    expected = torch.stack([by_the_paper(part, row) for row in x])
    found = {}
    for absorbing in (False, True):
        monkeypatch.setattr(part, "_absorbing_pays", lambda n_q, n_k, a=absorbing: a)
        found[absorbing] = part(x, lowered(part, position, place(LENGTH)))
        assert (found[absorbing] - expected).abs().max() < 1e-5 * max(1.0, float(expected.abs().max()))
    assert not torch.equal(found[False], found[True]), "they are two ways"


@torch.no_grad()
@pytest.mark.parametrize("absorbing", [False, True])
def test_decoding_from_latents(absorbing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    part, position = made(q_rank=9, mechanism=Softmax.Config(cap=4.0, sinks=True))
    monkeypatch.setattr(part, "_absorbing_pays", lambda n_q, n_k: absorbing)
    x = torch.randn(2, LENGTH, MODEL)
    expected = part(x, lowered(part, position, place(LENGTH)))
    state, found, begin = part.new_state(2, LENGTH, 1, x.device, x.dtype), [], 0
    assert isinstance(state, Latents) and state.k.shape == (2, 1, LENGTH, 7 + 2) and state.v.numel() == 0
    for n in (3, 1, 2):
        q, k = (Place(torch.arange(a, begin + n), torch.arange(a, begin + n)[None], None) for a in (begin, 0))
        found.append(part(x[:, begin : begin + n], lowered(part, position, q, k), state=state))
        begin += n
    assert torch.allclose(torch.cat(found, 1), expected, atol=1e-5)


@torch.no_grad()
def test_a_memory_is_remembered_by_its_latents() -> None:
    part, _ = made(mask=Full(), position=None, q_rank=9)
    x, memory = torch.randn(4, 1, MODEL), torch.randn(2, LENGTH, MODEL)
    plan = lowered(part, None, place(1), place(LENGTH))
    expected = part(x, plan, memory=memory.repeat_interleave(2, 0))
    state = part.remember(memory)
    assert isinstance(state, FixedKeys) and torch.allclose(part(x, plan, state=state), expected, atol=1e-5)
    weights = part.weights(x[::2], plan, memory=memory)
    assert weights.shape == (2, 3, 1, LENGTH) and torch.allclose(weights.sum(-1), torch.ones(()))


def test_it_absorbs_where_that_is_less_work() -> None:
    part, _ = made(kv_rank=512, nope_dim=128, rope_dim=64, value_dim=128)
    assert part._absorbing_pays(1, 1000) and part._absorbing_pays(4, 1000)
    assert not part._absorbing_pays(1000, 1000) and not part._absorbing_pays(300, 1000)


def test_the_cache_takes_a_latent_and_a_turned_key_a_token() -> None:
    attention = LatentAttention.Config(**FIELDS)
    assert kv_cache_bytes_per_token(decoder(block(attention=attention))) == 2 * 2 * (7 + 2), "two layers in bf16"
    model = decoder(block(attention=attention)).build()
    cache = model.new_cache(1, 4)
    model(Batch(tokens=torch.tensor([[1, 2, 3]])), cache=cache)
    assert all(layer.own.used == 3 for layer in cache.layers)


def test_deep_norm_scales_what_it_scales_elsewhere() -> None:
    def made(gain: float) -> LatentAttention:
        torch.manual_seed(0)
        config = decoder(block(attention=LatentAttention.Config(**FIELDS), residual=Residual.Config(post=LayerNorm.Config(), init_gain=gain)))
        return config.build().decoder.layers[0].attention  # type: ignore[union-attr,return-value]

    plain, scaled = (dict(made(gain).named_parameters()) for gain in (1.0, 0.5))
    halved = {name for name, p in plain.items() if p.any() and torch.allclose(scaled[name], p / 2)}
    assert halved == {"value.weight", "out.weight"}


def test_scale() -> None:
    def scale(**fields: Any) -> float:
        return LatentAttention.Config(**(FIELDS | fields)).softmax_scale()

    assert scale() == 6**-0.5 and scale(scale=0.3) == 0.3
    gain = 0.1 * 1.3 * torch.tensor(8.0).log().item() + 1  # DeepSeek-V3's code: mscale^2 multiplies the scale
    both = Rotary.Config(scaling=YaRN(factor=8.0, trained_length=16, mscale=0.7, mscale_all_dim=1.3))
    assert scale(position=both) == pytest.approx(6**-0.5 * gain**2)
    assert scale(position=Rotary.Config(scaling=YaRN(factor=8.0, trained_length=16))) == 6**-0.5


@pytest.mark.parametrize(
    ("fields", "field", "way_out"),
    [
        ({"mechanism": Performer.Config()}, "mechanism", "take Softmax, or attention: MultiHeadAttention"),
        ({"position": Shaw.Config()}, "position", "Shaw reads keys, which latent attention does not keep; take Rotary"),
        ({"rope_dim": 3}, "position.dim", "take dim: 2"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_out(fields: dict[str, Any], field: str, way_out: str) -> None:
    ((found, message),) = LatentAttention.Config(**(FIELDS | fields)).misfits(MODEL)
    assert found == field and way_out in message


def test_values_that_cannot_be() -> None:
    assert not LatentAttention.Config(**(FIELDS | {"position": ALiBi.Config()})).misfits(MODEL)
    with pytest.raises(ConfigError, match="kv_rank: must be at least 1, not 0"):
        LatentAttention.Config(**(FIELDS | {"kv_rank": 0}))
