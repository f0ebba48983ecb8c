"""The Transformer's equations over single positions and heads, without any of anyformer's parts: what the papers' decoders are compared with.

A vector is a float64 tensor [D]; a text is a list of vectors. p maps a parameter's name to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Vector = Tensor
Text = list[Vector]
Sees = Callable[[int, int], bool]  # whether query i sees key j
Parameters = dict[str, Tensor]


def linear(p: Parameters, name: str, x: Vector) -> Vector:
    y = torch.stack([(row * x).sum() for row in p[f"{name}.weight"]])
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def layer_norm(p: Parameters, name: str, x: Vector, eps: float = 1e-5) -> Vector:
    mean = sum(x) / len(x)
    variance = sum((v - mean) ** 2 for v in x) / len(x)
    y = (x - mean) / torch.sqrt(variance + eps) * p[f"{name}.weight"]
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def rms_norm(p: Parameters, name: str, x: Vector, eps: float = 1e-6) -> Vector:
    return x / torch.sqrt(sum(v**2 for v in x) / len(x) + eps) * p[f"{name}.weight"]


def gelu(x: Vector) -> Vector:
    return torch.tensor([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x.tolist()], dtype=x.dtype)


def gelu_tanh(x: Vector) -> Vector:
    return torch.tensor([0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) for v in x.tolist()], dtype=x.dtype)


def swish(x: Vector) -> Vector:
    return torch.tensor([v / (1 + math.exp(-v)) for v in x.tolist()], dtype=x.dtype)


def relu(x: Vector) -> Vector:
    return torch.tensor([max(v, 0.0) for v in x.tolist()], dtype=x.dtype)


def softmax(scores: Sequence[float]) -> list[float]:
    top = max(scores)
    powers = [math.exp(s - top) for s in scores]
    return [e / sum(powers) for e in powers]


def attention(
    p: Parameters,
    name: str,
    text: Text,
    n_heads: int,
    n_kv_heads: int,
    sees: Sees,
    scale: float,
    *,
    turn: Callable[[Vector, int], Vector] = lambda x, place: x,
    score: Callable[[int, Vector, Vector, int, int], float] = lambda head, q, k, i, j: float((q * k).sum()),
    bias: Callable[[int, int, int], float] = lambda head, i, j: 0.0,
) -> Text:
    """For query i and each head: softmax over the keys j that i sees of scale * score(q_i, k_j) + bias, weights on v_j; heads joined, mapped."""
    q, k, v = ([linear(p, f"{name}.{part}", x) for x in text] for part in ("query", "key", "value"))
    width = len(q[0]) // n_heads
    out = []
    for i in range(len(text)):
        heads = []
        for h in range(n_heads):
            of_key = h // (n_heads // n_kv_heads)
            query = turn(q[i][h * width : (h + 1) * width], i)
            seen = [j for j in range(len(text)) if sees(i, j)]
            keys = [turn(k[j][of_key * width : (of_key + 1) * width], j) for j in seen]
            weights = softmax([scale * score(h, query, key, i, j) + bias(h, i, j) for j, key in zip(seen, keys, strict=True)])
            heads.append(sum(w * v[j][of_key * width : (of_key + 1) * width] for w, j in zip(weights, seen, strict=True)))
        out.append(linear(p, f"{name}.out", torch.cat(heads)))  # type: ignore[arg-type]
    return out


def mlp(p: Parameters, name: str, x: Vector, activation: Callable[[Vector], Vector]) -> Vector:
    return linear(p, f"{name}.down", activation(linear(p, f"{name}.up", x)))


def gated_mlp(p: Parameters, name: str, x: Vector, activation: Callable[[Vector], Vector]) -> Vector:
    return linear(p, f"{name}.down", activation(linear(p, f"{name}.gate", x)) * linear(p, f"{name}.up", x))


def rotated(x: Vector, place: int) -> Vector:
    """Rotary positions, base 10000: features c and c + H/2 turn by place * 10000^(-2c/H)."""
    half, y = len(x) // 2, x.clone()
    for c in range(half):
        angle = place * 10000 ** (-2 * c / len(x))
        y[c] = x[c] * math.cos(angle) - x[c + half] * math.sin(angle)
        y[c + half] = x[c + half] * math.cos(angle) + x[c] * math.sin(angle)
    return y


def t5_bucket(distance: int, n_buckets: int = 32, max_distance: int = 128) -> int:
    """The bucket of a key `distance` tokens before its query, where none comes later."""
    exact = n_buckets // 2
    if distance < exact:
        return distance
    farther = math.log(distance / exact) / math.log(max_distance / exact) * (n_buckets - exact)
    return min(exact + int(farther), n_buckets - 1)


def logits(p: Parameters, text: Text, scale: float = 1.0) -> Tensor:
    """The inner products with the table of tokens, [T, V]."""
    return torch.stack([torch.stack([scale * (row * x).sum() for row in p["embedding.weight"]]) for x in text])
