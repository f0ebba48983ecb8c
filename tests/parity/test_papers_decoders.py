"""Decoders that transformers has not, against loops over positions and heads written from their papers' equations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from plain_loops import (
    Parameters,
    Sees,
    Text,
    Vector,
    attention,
    gated_mlp,
    gelu,
    gelu_tanh,
    layer_norm,
    linear,
    logits,
    mlp,
    relu,
    rms_norm,
    rotated,
    softmax,
    swish,
    t5_bucket,
)
from torch import Tensor, nn

from anyformer import architectures
from anyformer.batch import Batch
from anyformer.model.model import Model
from anyformer.parts.norm import LayerNorm
from anyformer.parts.residual import deep_norm

T, VOCAB = 11, 17


def causal(i: int, j: int) -> bool:
    return j <= i


def prefixed(n: int) -> Sees:
    """Everybody sees the first n tokens."""
    return lambda i, j: j <= i or j < n


def of(p: Parameters, prefix: str) -> Parameters:
    return {name.removeprefix(prefix): value for name, value in p.items() if name.startswith(prefix)}


def added(a: Text, b: Text) -> Text:
    return [x + y for x, y in zip(a, b, strict=True)]


def embedded(p: Parameters, tokens: Tensor) -> Text:
    return [p["embedding.weight"][t] for t in tokens.tolist()]


def compare(config: Model.Config, reference: Callable[[Parameters, Tensor], Tensor], length: int = T, **fields: Tensor) -> None:
    """Our logits of a row against the reference's, with all parameters drawn anew."""
    torch.manual_seed(0)
    model = config.build().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    tokens = torch.randint(0, VOCAB, (length,))
    with torch.no_grad():
        ours = model(Batch(tokens=tokens.unsqueeze(0), **{name: value.unsqueeze(0) for name, value in fields.items()})).logits[0].double()
        theirs = reference({name: value.detach().double() for name, value in model.state_dict().items()}, tokens)
    assert (ours - theirs).abs().max().item() <= 1e-5 * max(1.0, theirs.abs().max().item())
    assert theirs.std(0).min() > 1e-3  # the reference itself says something of every word


def with_prefix(n: int) -> Tensor:
    return torch.arange(T) < n


# ---- GPT-3 (Brown et al. 2020): GPT-2 whose layers alternate between dense attention and a band


@pytest.mark.parametrize("window", [1, 4, 100])
def test_gpt3(window: int) -> None:
    def gpt3(p: Parameters, tokens: Tensor) -> Tensor:
        x = added(embedded(p, tokens), [p["embedding.position.weight"][i] for i in range(T)])
        for n in range(3):
            q = of(p, f"decoder.layers.{n}.")
            band = (lambda i, j: i - window < j <= i) if n % 2 else causal
            y = [layer_norm(q, "attention_residual.pre", v) for v in x]
            x = added(x, attention(q, "attention", y, 3, 3, band, 1 / math.sqrt(4)))
            x = [v + mlp(q, "feed_forward", layer_norm(q, "feed_forward_residual.pre", v), gelu_tanh) for v in x]
        return logits(p, [layer_norm(p, "decoder.final_norm", v) for v in x])

    compare(architectures.get("gpt3-125m", d_model=12, n_layers=3, n_heads=3, vocab_size=VOCAB, context=T, window=window), gpt3)


# ---- Gopher (Rae et al. 2021) with the relative positions of Transformer-XL (Dai et al. 2019, section 3.3)


def transformer_xl_score(p: Parameters, d_model: int, width: int) -> Callable[[int, Vector, Vector, int, int], float]:
    """(a) q k + (b) q r + (c) u k + (d) v r, with r = W_R R and R the sinusoid of the distance."""

    def score(head: int, q: Vector, k: Vector, i: int, j: int) -> float:
        angles = [(i - j) / 10000 ** (2 * c / d_model) for c in range(d_model // 2)]
        sinusoid = torch.tensor([math.sin(a) for a in angles] + [math.cos(a) for a in angles], dtype=torch.float64)
        r = linear(p, "attention.position.relative", sinusoid)[head * width : (head + 1) * width]
        u, v = p["attention.position.content_bias"][head], p["attention.position.position_bias"][head]
        return float((q * k).sum() + (q * r).sum() + (u * k).sum() + (v * r).sum())

    return score


@pytest.mark.parametrize("name", ["gopher-44m", "chinchilla-70b"])
def test_gopher(name: str) -> None:
    def gopher(p: Parameters, tokens: Tensor) -> Tensor:
        x = embedded(p, tokens)
        for n in range(2):
            q = of(p, f"decoder.layers.{n}.")
            y = [rms_norm(q, "attention_residual.pre", v) for v in x]
            x = added(x, attention(q, "attention", y, 3, 3, causal, 1 / math.sqrt(5), score=transformer_xl_score(q, 14, 5)))
            x = [v + mlp(q, "feed_forward", rms_norm(q, "feed_forward_residual.pre", v), gelu) for v in x]
        return logits(p, [rms_norm(p, "decoder.final_norm", v) for v in x])

    compare(architectures.get(name, d_model=14, n_layers=2, n_heads=3, head_dim=5, vocab_size=VOCAB), gopher)


# ---- PaLM (Chowdhery et al. 2022, section 2) and U-PaLM, the same under a prefix mask


def palm(sees: Sees) -> Callable[[Parameters, Tensor], Tensor]:
    def reference(p: Parameters, tokens: Tensor) -> Tensor:
        x = embedded(p, tokens)
        for n in range(2):
            q = of(p, f"decoder.layers.{n}.")
            y = [layer_norm(q, "norm", v, eps=1e-6) for v in x]
            attended = attention(q, "attention", y, 3, 1, sees, 1 / math.sqrt(6), turn=rotated)
            x = [v + a + gated_mlp(q, "feed_forward", w, swish) for v, a, w in zip(x, attended, y, strict=True)]
        return logits(p, [layer_norm(p, "decoder.final_norm", v, eps=1e-6) for v in x], scale=1 / math.sqrt(10))

    return reference


def test_palm() -> None:
    compare(architectures.get("palm-8b", d_model=10, n_layers=2, n_heads=3, head_dim=6, vocab_size=VOCAB), palm(causal))


def test_u_palm() -> None:
    config = architectures.get("u-palm-540b", d_model=10, n_layers=2, n_heads=3, head_dim=6, vocab_size=VOCAB)
    compare(config, palm(prefixed(4)), prefix=with_prefix(4))
    compare(config, palm(causal))


# ---- LaMDA (Thoppilan et al. 2022, section 3): T5's bias by distance, gated GELU


def test_lamda() -> None:
    def lamda(p: Parameters, tokens: Tensor) -> Tensor:
        x, table = embedded(p, tokens), p["decoder.positions.0.weight"]
        for n in range(2):
            q = of(p, f"decoder.layers.{n}.")
            y = [rms_norm(q, "attention_residual.pre", v) for v in x]
            x = added(x, attention(q, "attention", y, 3, 3, causal, 1 / math.sqrt(5), bias=lambda head, i, j: float(table[t5_bucket(i - j), head])))
            x = [v + gated_mlp(q, "feed_forward", rms_norm(q, "feed_forward_residual.pre", v), gelu_tanh) for v in x]
        return logits(p, [rms_norm(p, "decoder.final_norm", v) for v in x], scale=1 / math.sqrt(14))

    compare(architectures.get("lamda-2b", d_model=14, n_layers=2, n_heads=3, head_dim=5, d_ff=9, vocab_size=VOCAB), lamda, length=29)


# ---- GLaM (Du et al. 2021, section 4): two of E experts in every second layer, a table of biases in each layer


def top_two(p: Parameters, x: Vector) -> Vector:
    """Softmax over the experts, the two most probable, their probabilities divided by their sum; experts are not gated."""
    gates = softmax([float((row * x).sum()) for row in p["feed_forward.router.weight"]])
    first, second = sorted(range(len(gates)), key=lambda e: -gates[e])[:2]
    y = torch.zeros_like(x)
    for e in (first, second):
        one = {"up.weight": p["feed_forward.experts.up.weight"][e], "down.weight": p["feed_forward.experts.down.weight"][e]}
        y += gates[e] / (gates[first] + gates[second]) * linear(one, "down", relu(linear(one, "up", x)))
    return y


@pytest.mark.parametrize("n_experts", [None, 5])
def test_glam(n_experts: int | None) -> None:
    def glam(p: Parameters, tokens: Tensor) -> Tensor:
        x = embedded(p, tokens)
        for n in range(4):
            q = of(p, f"decoder.layers.{n}.")
            table = q["attention.position.weight"]

            def bias(head: int, i: int, j: int, table: Tensor = table) -> float:
                return float(table[t5_bucket(i - j), head])

            y = [rms_norm(q, "attention_residual.pre", v) for v in x]
            x = added(x, attention(q, "attention", y, 3, 3, causal, 1.0, bias=bias))
            for i, v in enumerate(x):
                y = rms_norm(q, "feed_forward_residual.pre", v)
                x[i] = v + (top_two(q, y) if n_experts and n % 2 == 0 else gated_mlp(q, "feed_forward", y, gelu_tanh))
        return logits(p, [rms_norm(p, "decoder.final_norm", v) for v in x], scale=1 / math.sqrt(14))

    compare(architectures.get("glam-0.1b", d_model=14, n_layers=4, n_heads=3, head_dim=5, d_ff=9, n_experts=n_experts, vocab_size=VOCAB), glam, length=19)


# ---- GLM (Du et al. 2022, section 2): two positions a token, a prefix that all see


def test_glm() -> None:
    in_text = torch.tensor([0, 1, 2, 3, 4, 5, 2, 2, 2, 4, 4])
    in_blank = torch.tensor([0, 0, 0, 0, 0, 0, 1, 2, 3, 1, 2])

    def glm(p: Parameters, tokens: Tensor) -> Tensor:
        text, blank = p["embedding.position.text"], p["embedding.position.span"]
        x = [v + text[in_text[i]] + blank[in_blank[i]] for i, v in enumerate(embedded(p, tokens))]
        for n in range(2):
            q = of(p, f"decoder.layers.{n}.")
            y = [layer_norm(q, "attention_residual.pre", v) for v in x]
            x = added(x, attention(q, "attention", y, 3, 3, prefixed(6), 1 / math.sqrt(4)))
            x = [v + mlp(q, "feed_forward", layer_norm(q, "feed_forward_residual.pre", v), gelu_tanh) for v in x]
        return logits(p, [layer_norm(p, "decoder.final_norm", v) for v in x])

    config = architectures.get("glm-10b", d_model=12, n_layers=2, n_heads=3, d_ff=9, vocab_size=VOCAB, context=8)
    compare(config, glm, positions=torch.stack([in_text, in_blank], -1), prefix=with_prefix(6))


# ---- GLM-130B (Zeng et al. 2022, section 2.1) and DeepNet (Wang et al. 2022): norms after sublayers, the stream scaled


def deep(p: Parameters, tokens: Tensor, n_layers: int, alpha: float, sees: Sees) -> Tensor:
    x = [layer_norm(p, "embedding.norm", v) for v in embedded(p, tokens)]
    for n in range(n_layers):
        q = of(p, f"decoder.layers.{n}.")
        attended = attention(q, "attention", x, 3, 3, sees, 1 / math.sqrt(4), turn=rotated)
        x = [layer_norm(q, "attention_residual.post", alpha * v + a) for v, a in zip(x, attended, strict=True)]
        x = [layer_norm(q, "feed_forward_residual.post", alpha * v + gated_mlp(q, "feed_forward", v, gelu)) for v in x]
    return logits(p, x)


GLM_130B: dict[str, Any] = {"d_model": 12, "n_layers": 3, "n_heads": 3, "d_ff": 9, "vocab_size": VOCAB}


@pytest.mark.parametrize("n", [0, 5])
def test_glm_130b(n: int) -> None:
    alpha = (2 * 3) ** (1 / 2)
    compare(architectures.get("glm-130b", **GLM_130B), lambda p, tokens: deep(p, tokens, 3, alpha, prefixed(n)), prefix=with_prefix(n))


def test_deep_norm() -> None:
    """DeepNet's own constants for a decoder of M layers: alpha = (2 M)^(1/4)."""
    residual = deep_norm(LayerNorm.Config(), n_encoder_layers=0, n_decoder_layers=3, side="decoder")
    config = architectures.get("glm-130b", **GLM_130B).override("decoder.blocks.*.residual", residual)
    compare(config, lambda p, tokens: deep(p, tokens, 3, (2 * 3) ** (1 / 4), causal))


def test_deep_norm_begins_small() -> None:
    """Feed-forward, values and outputs begin (2 N)^(-1/2) times what Xavier gives; queries and keys do not."""
    torch.manual_seed(0)
    config = architectures.get("glm-130b", d_model=96, n_layers=8, n_heads=4, d_ff=256, vocab_size=64)
    layer = config.build().decoder.layers[3]  # type: ignore[union-attr]
    attention, feed_forward = layer.attention, layer.feed_forward
    scaled = [attention.value, attention.out, feed_forward.gate, feed_forward.up, feed_forward.down]
    for part, beta in [(attention.query, 1.0), (attention.key, 1.0), *((s, 16**-0.5) for s in scaled)]:
        xavier = (2 / sum(part.weight.shape)) ** 0.5
        assert part.weight.std().item() == pytest.approx(beta * xavier, rel=0.05)


# ---- Galactica (Taylor et al. 2022, section 4.1): no bias anywhere


def test_galactica() -> None:
    def galactica(p: Parameters, tokens: Tensor) -> Tensor:
        x = added(embedded(p, tokens), [p["embedding.position.weight"][i] for i in range(T)])
        for n in range(2):
            q = of(p, f"decoder.layers.{n}.")
            y = [layer_norm(q, "attention_residual.pre", v) for v in x]
            x = added(x, attention(q, "attention", y, 3, 3, causal, 1 / math.sqrt(4)))
            x = [v + mlp(q, "feed_forward", layer_norm(q, "feed_forward_residual.pre", v), gelu) for v in x]
        return logits(p, [layer_norm(p, "decoder.final_norm", v) for v in x])

    config = architectures.get("galactica-125m", d_model=12, n_layers=2, n_heads=3, vocab_size=VOCAB, context=T)
    compare(config, galactica)
    assert not any(name.endswith("bias") for name in config.build().state_dict())
