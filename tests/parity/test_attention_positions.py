"""ALiBi's and T5's biases against the functions of Hugging Face's BLOOM, MPT, Falcon and T5."""

from __future__ import annotations

import pytest
import torch
from places import last, place
from transformers import T5Config
from transformers.models.bloom.modeling_bloom import build_alibi_tensor as bloom_alibi
from transformers.models.falcon.modeling_falcon import build_alibi_tensor as falcon_alibi
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor as mpt_alibi
from transformers.models.t5.modeling_t5 import T5Attention

from anyformer.parts.alibi import ALiBi
from anyformer.parts.relative_bias import RelativeBias

T = 11


def by_query(bias: torch.Tensor) -> torch.Tensor:
    """What a softmax over the keys up to the query sees of [.., T, S]: differences to the query's own."""
    tril = torch.ones(bias.shape[-2:]).tril().bool()
    return torch.where(tril, bias - bias.diagonal(dim1=-2, dim2=-1).unsqueeze(-1), 0)


@pytest.mark.parametrize("n_heads", range(1, 18))
def test_alibi_is_blooms(n_heads: int) -> None:
    mask = torch.tensor([[1] * T, [0] * 4 + [1] * (T - 4)])
    theirs = bloom_alibi(mask, n_heads, torch.float32).view(2, n_heads, 1, T).expand(-1, -1, T, -1)
    ours = ALiBi.Config().build(4 * n_heads, n_heads, 4).bias(place((mask.cumsum(-1) - 1) * mask), place((mask.cumsum(-1) - 1) * mask))
    real = (mask[:, :, None] & mask[:, None, :]).bool().unsqueeze(1)
    torch.testing.assert_close(by_query(ours) * real, by_query(theirs) * real, atol=1e-5, rtol=0)


@pytest.mark.parametrize("bias_max", [8, 5])
@pytest.mark.parametrize("n_heads", range(1, 18))
def test_alibi_is_mpts(n_heads: int, bias_max: int) -> None:
    theirs = mpt_alibi(n_heads, T, bias_max)[None].expand(-1, -1, T, -1)
    ours = ALiBi.Config(bias_max=float(bias_max)).build(4 * n_heads, n_heads, 4).bias(place(T), place(T))
    torch.testing.assert_close(by_query(ours), by_query(theirs), atol=1e-5, rtol=0)


@pytest.mark.parametrize("n_heads", [1, 5, 8, 12])
def test_alibi_is_falcons_but_for_its_rounding(n_heads: int) -> None:
    """Falcon-RW was trained with the scores divided together with the bias; in fp32 we follow that, where transformers rounds it to bf16."""
    theirs = falcon_alibi(torch.ones(1, T), n_heads, torch.float32).view(1, n_heads, 1, T).expand(-1, -1, T, -1) / 16**0.5
    ours = ALiBi.Config(scaled=True).build(16 * n_heads, n_heads, 16).bias(place(T), place(T))
    torch.testing.assert_close(by_query(ours), by_query(theirs), atol=T * 2**-8, rtol=0)
    assert not torch.equal(by_query(ours), by_query(ALiBi.Config().build(16 * n_heads, n_heads, 16).bias(place(T), place(T))))


@pytest.mark.parametrize("is_decoder", [True, False])
@pytest.mark.parametrize(("n_buckets", "max_distance"), [(32, 128), (8, 20), (12, 7), (64, 1024), (20, 100)])
def test_buckets_are_t5s(n_buckets: int, max_distance: int, is_decoder: bool) -> None:
    config = T5Config(
        d_model=20, d_kv=4, num_heads=5, relative_attention_num_buckets=n_buckets, relative_attention_max_distance=max_distance, is_decoder=is_decoder
    )
    theirs = T5Attention(config, has_relative_attention_bias=True, layer_idx=0)
    ours = RelativeBias.Config(n_buckets=n_buckets, max_distance=max_distance, bidirectional=not is_decoder).build(20, 5, 4)
    torch.nn.init.normal_(ours.weight)
    theirs.relative_attention_bias.weight.data = ours.weight.data
    length = min(2 * max_distance + 2, 300)
    assert torch.equal(ours.bias(place(length), place(length)), theirs.compute_bias(length, length))
    assert torch.equal(ours.bias(last(place(length), 2), place(length)), theirs.compute_bias(2, length, past_seen_tokens=length - 2))
    offsets = torch.arange(-5000, 5001)
    their_buckets = T5Attention._relative_position_bucket(offsets, bidirectional=not is_decoder, num_buckets=n_buckets, max_distance=max_distance)
    assert torch.equal(ours.bucket(offsets), their_buckets)
