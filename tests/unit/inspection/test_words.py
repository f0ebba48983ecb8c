"""Parts in words, and what can load a model."""

from __future__ import annotations

from typing import Any

import pytest

from anyformer import architectures
from anyformer.inspection import amounts, words
from anyformer.inspection.reach import ENGINES, reach
from anyformer.interop.hf.family import families
from anyformer.parts import activation as acts
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.feed_forward import MLP, GatedMLP
from anyformer.parts.mask import Causal, Window
from anyformer.parts.norm import LayerNorm, Norm, RMSNorm
from anyformer.parts.qk_norm import PerHead
from anyformer.parts.residual import Residual, deep_norm, post_norm, pre_norm, sandwich_norm
from anyformer.parts.rotary import Rotary
from anyformer.parts.token_choice import TopK
from anyformer.spec import spec


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (words.norm(LayerNorm.Config(bias=False)), "LayerNorm without bias"),
        (words.norm(LayerNorm.Config(bias=False, scale=False)), "LayerNorm without scale and bias"),
        (words.norm(RMSNorm.Config(plus_one=True)), "RMSNorm (1 + w)"),
        (words.feed_forward(GatedMLP.Config(d_ff=3, activation=acts.GELU(tanh=True))), "gated MLP, GELU (tanh) (GEGLU)"),
        (words.feed_forward(MLP.Config(d_ff=3, activation=acts.ReLU2())), "MLP, squared ReLU"),
        (words.residual(pre_norm(RMSNorm.Config())), "RMSNorm before each sublayer (pre-norm)"),
        (words.residual(post_norm(LayerNorm.Config())), "LayerNorm after each sum (post-norm)"),
        (words.residual(sandwich_norm(LayerNorm.Config())), "LayerNorm before and after each sublayer (sandwich)"),
        (words.residual(deep_norm(LayerNorm.Config(), 0, 8, "decoder")), "LayerNorm of 2 x + f(x) (DeepNorm)"),
        (words.residual(Residual.Config()), "none"),
        (words.heads(MultiHeadAttention.Config(n_heads=8, n_kv_heads=2), 64), "8 heads x 8, 2 for keys and values"),
        (words.heads(MultiHeadAttention.Config(n_heads=8, n_kv_heads=1, head_dim=32), 64), "8 heads x 32, one for keys and values"),
        (words.attention(MultiHeadAttention.Config(n_heads=8, n_kv_heads=1)), "multi-query"),
        (words.position(Rotary.Config(fraction=0.25)), "rotary on 25 %, base 10,000"),
        (words.mask(Causal() & Window(left=9)), "Causal() & Window(left=9)"),
        (words.brief(TopK.Config(k=3, normalize=False)), "TopK (k 3, no normalize)"),
        (amounts.number(0), "0 "),
        (amounts.number(999.9), "1 k"),
        (amounts.number(3.5e15), "3.5 P"),
        (amounts.size(1536), "1.5 KiB"),
        (amounts.size(1024**5 * 2), "2 PiB"),
    ],
)
def test_in_words(made: str, said: str) -> None:
    assert made == said


def test_a_part_that_nobody_knows_is_named_by_what_differs() -> None:
    @spec
    class NewNorm(Norm.Config):
        eps: float = 1e-5
        groups: int = 1
        centered: bool = False

    assert words.norm(NewNorm(groups=4096, centered=True)) == "NewNorm (groups 4,096, centered)"  # type: ignore[arg-type]


# ---- what loads it


def loads(name: str, **changes: Any) -> dict[str, bool]:
    config = architectures.get(name)
    for path, value in changes.items():
        config = config.override(path, value)
    return {r.tool: r.loads for r in reach(config)}


ALL = {"transformers", "vLLM", "llama.cpp", "CTranslate2"}


@pytest.mark.parametrize(
    ("name", "tools"),
    [
        ("llama-7b", ALL),
        ("qwen3-0.6b", ALL),
        ("mistral-7b", ALL),
        ("deepseek-v3", ALL - {"CTranslate2"}),
        ("mixtral-8x7b", ALL - {"CTranslate2"}),
        ("gpt2", ALL),
        ("opt-125m", ALL - {"llama.cpp"}),
        ("gpt-neo-125m", {"transformers"}),
        ("t5-base", ALL - {"vLLM"}),
        ("bart-base", {"transformers", "CTranslate2"}),
        ("bert-base", ALL),
        ("gpt3-125m", set()),  # GPT-Neo alternates too, but does not scale its scores
        ("gopher-44m", set()),
    ],
)
def test_what_loads_it(name: str, tools: set[str]) -> None:
    assert {tool for tool, yes in loads(name).items() if yes} == tools


def test_the_reason_is_given() -> None:
    changed = architectures.get("llama-7b").override("decoder.blocks.0.feed_forward.activation", "ReLU")
    why = {r.tool: (r.loads, r.how) for r in reach(changed)}
    assert why["transformers"] == (True, "LlamaForCausalLM (llama)")
    assert why["llama.cpp"] == (False, "it computes llama with silu always, and this model has relu")
    gated = architectures.get("llama-7b").override("decoder.blocks.0.attention.qk_norm", PerHead.Config()).override("decoder.final_norm", None)
    assert not reach(gated)[0].loads and "final_norm" in reach(gated)[0].how


def test_the_tools_lists_name_families_that_there_are() -> None:
    """A misspelt model_type would refuse in silence. Those that we cannot write yet are the tools' own."""
    listed = {t for engine in ENGINES.values() for t in f"{engine.decoders} {engine.both} {engine.encoders}".split()}
    elsewhere = {"codegen", "gpt_bigcode", "gpt_oss", "granite", "phi", "stablelm", "starcoder2", "mt5", "umt5", "xlm-roberta"}
    assert listed - elsewhere <= set(families())
