"""Rotary frequencies and their scalings, and the ways of turning, against Hugging Face's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from places import place
from transformers import Phi3Config
from transformers.models.deepseek_v3.modeling_deepseek_v3 import apply_rotary_pos_emb_interleave as deepseek_turn
from transformers.models.glm.modeling_glm import apply_rotary_pos_emb as glm_turn
from transformers.models.gptj.modeling_gptj import apply_rotary_pos_emb as gptj_turn
from transformers.models.gptj.modeling_gptj import create_sinusoidal_positions
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb as llama_turn
from transformers.models.phi3.modeling_phi3 import Phi3RotaryEmbedding

from anyformer.parts.rope_by_pair import Llama3, LongRoPE, YaRN
from anyformer.parts.rope_scaling import NTK, DynamicNTK, Linear, RopeScaling
from anyformer.parts.rotary import Rotary

TRAINED = 64

SCALINGS: dict[str, tuple[RopeScaling | None, dict[str, Any]]] = {
    "none": (None, {"rope_type": "default"}),
    "linear": (Linear(factor=3.5), {"rope_type": "linear", "factor": 3.5}),
    "dynamic": (DynamicNTK(factor=3.0, trained_length=TRAINED), {"rope_type": "dynamic", "factor": 3.0}),
    "yarn": (YaRN(factor=4.0, trained_length=TRAINED), {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": TRAINED}),
    "yarn, few turns": (
        YaRN(factor=16.0, trained_length=9, beta_fast=3.0, beta_slow=0.5, truncate=False),
        {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 9, "beta_fast": 3.0, "beta_slow": 0.5, "truncate": False},
    ),
    "yarn, given": (
        YaRN(factor=2.0, trained_length=1024, attention_factor=0.7),
        {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 1024, "attention_factor": 0.7},
    ),
    "yarn, DeepSeek": (
        YaRN(factor=40.0, trained_length=4096, mscale=0.7, mscale_all_dim=1.0),
        {"rope_type": "yarn", "factor": 40.0, "original_max_position_embeddings": 4096, "mscale": 0.7, "mscale_all_dim": 1.0},
    ),
    "llama3": (
        Llama3(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, trained_length=TRAINED),
        {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": TRAINED},
    ),
    "llama3.2": (
        Llama3(factor=32.0, trained_length=8192),
        {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
    ),
}


@pytest.mark.parametrize("name", SCALINGS)
@pytest.mark.parametrize(("head_dim", "base"), [(128, 10000.0), (64, 500000.0), (12, 100.0), (4, 10000.0)])
@pytest.mark.parametrize("length", [50, 300])
def test_tables(name: str, head_dim: int, base: float, length: int) -> None:
    ours, theirs = SCALINGS[name]
    config = LlamaConfig(
        hidden_size=3 * head_dim, num_attention_heads=3, head_dim=head_dim, max_position_embeddings=TRAINED, rope_parameters={"rope_theta": base, **theirs}
    )
    position = torch.stack([torch.arange(length), torch.arange(length) // 2])
    expected = LlamaRotaryEmbedding(config)(torch.zeros(1), position)
    found = Rotary.Config(base=base, scaling=ours).build(3 * head_dim, 3, head_dim).tables(place(position))
    for table, full in zip(found, expected, strict=True):
        # angles reach 300, where the last bit of a frequency is worth 300 * 2^-24
        torch.testing.assert_close(torch.cat([table, table], -1), full, atol=2e-5, rtol=0)
    torch.testing.assert_close(found[0][:, :8], expected[0][:, :8, : head_dim // 2], atol=5e-7, rtol=0)


def test_scalings_differ() -> None:
    """What the comparison above would not see if a scaling were left out on both sides."""
    tables = {name: Rotary.Config(scaling=ours).build(384, 3, 128).tables(place(300))[0] for name, (ours, _) in SCALINGS.items()}
    names = list(tables)
    assert not [(a, b) for i, a in enumerate(names) for b in names[:i] if torch.allclose(tables[a], tables[b], atol=1e-3)]


@pytest.mark.parametrize("length", [50, 80])
@pytest.mark.parametrize("factor", [None, 8.0])
def test_longrope(length: int, factor: float | None) -> None:
    short, long = [1.0 + 0.1 * i for i in range(6)], [2.0 + i for i in range(6)]
    rope = {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": short, "long_factor": long, "original_max_position_embeddings": TRAINED}
    extra = {} if factor is None else {"factor": factor}
    config = Phi3Config(
        hidden_size=36,
        num_attention_heads=3,
        max_position_embeddings=4 * TRAINED,
        original_max_position_embeddings=TRAINED,
        pad_token_id=0,
        rope_parameters=rope | extra,
    )
    expected = Phi3RotaryEmbedding(config)(torch.zeros(1), torch.arange(length)[None])
    scaling = LongRoPE(short_factor=tuple(short), long_factor=tuple(long), trained_length=TRAINED, factor=factor or 4.0)
    for table, full in zip(Rotary.Config(scaling=scaling).build(36, 3, 12).tables(place(length)), expected, strict=True):
        torch.testing.assert_close(table, full[..., :6], atol=1e-5, rtol=0)


def test_static_ntk_is_the_dynamic_one_of_a_text_that_much_longer() -> None:
    dynamic = Rotary.Config(scaling=DynamicNTK(factor=1.0, trained_length=TRAINED)).build(36, 3, 12).tables(place(4 * TRAINED))
    static = Rotary.Config(scaling=NTK(factor=4.0)).build(36, 3, 12).tables(place(4 * TRAINED))
    for a, b in zip(dynamic, static, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=0)


# ---- turning


def test_halves_are_llamas() -> None:
    q, k, position = torch.randn(2, 3, 9, 16), torch.randn(2, 1, 9, 16), torch.stack([torch.arange(9), torch.arange(9) + 4])
    config = LlamaConfig(hidden_size=48, num_attention_heads=3)
    expected = llama_turn(q, k, *LlamaRotaryEmbedding(config)(q, position))
    rotary = Rotary.Config().build(48, 3, 16)
    for x, theirs in zip((q, k), expected, strict=True):
        torch.testing.assert_close(rotary.rotate(x, rotary.tables(place(position))), theirs)


def test_neighbours_are_gptjs() -> None:
    x = torch.randn(2, 3, 9, 16)
    rotary = Rotary.Config(dim=6, pairing="neighbours").build(48, 3, 16)
    sin, cos = create_sinusoidal_positions(9, 6)[None].chunk(2, -1)
    expected = torch.cat([gptj_turn(x[..., :6].transpose(1, 2), sin, cos).transpose(1, 2), x[..., 6:]], -1)
    torch.testing.assert_close(rotary.rotate(x, rotary.tables(place(9))), expected)


def test_half_of_the_neighbours_are_glms() -> None:
    q, k = torch.randn(2, 3, 9, 16), torch.randn(2, 1, 9, 16)
    rotary = Rotary.Config(fraction=0.5, pairing="neighbours").build(48, 3, 16)
    cos, sin = rotary.tables(place(9))
    expected = glm_turn(q, k, torch.cat([cos, cos], -1), torch.cat([sin, sin], -1))
    for x, theirs in zip((q, k), expected, strict=True):
        torch.testing.assert_close(rotary.rotate(x, (cos, sin)), theirs)


def test_products_of_neighbours_are_deepseeks() -> None:
    """Its queries and keys leave in another order of features, the same for both."""
    q, k = torch.randn(2, 3, 9, 16), torch.randn(2, 1, 9, 16)
    rotary = Rotary.Config(pairing="neighbours").build(48, 3, 16)
    tables = rotary.tables(place(9))
    cos, sin = (torch.cat([t, t], -1) for t in tables)
    theirs_q, theirs_k = deepseek_turn(q, k, cos, sin)
    found = rotary.rotate(q, tables) @ rotary.rotate(k, tables).transpose(-1, -2)
    torch.testing.assert_close(found, theirs_q @ theirs_k.transpose(-1, -2), atol=1e-5, rtol=1e-5)
