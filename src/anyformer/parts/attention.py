"""Attention (Vaswani et al. 2017, section 3.2). B rows, T queries, S keys, D model, N heads, K key heads, H head width."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from anyformer.parts.dropout import Dropout
from anyformer.parts.kernel import attend, attention_weights
from anyformer.parts.kv_cache import Keys
from anyformer.parts.linear import Linear, apply_together
from anyformer.parts.lowering import Plan
from anyformer.parts.mask import Full, Mask
from anyformer.parts.part import Part, PartConfig
from anyformer.spec import spec


class Attention(Part):
    """Slot: build(d_model)."""

    class Config(PartConfig):
        mask: Mask

        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            """(field, message) for what cannot be at this width."""
            return []


class MultiHeadAttention(Attention):
    """N heads of width H over K key heads: K = N multi-head, 1 < K < N grouped-query (Ainslie et al. 2023), K = 1 multi-query (Shazeer 2019)."""

    @spec
    class Config(Attention.Config):
        n_heads: int
        n_kv_heads: int | None = None  # None: n_heads
        head_dim: int | None = None  # None: d_model / n_heads
        mask: Mask = Full()
        scale: float | None = None  # of the scores; None: 1 / sqrt(head_dim)
        dropout: float = 0.0  # on the attention weights
        qkv_bias: bool = True
        out_bias: bool = True

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.n_heads < 1:
                yield "n_heads", f"attention needs at least one head, not {self.n_heads}"
            elif self.n_kv_heads is not None and (self.n_kv_heads < 1 or self.n_heads % self.n_kv_heads):
                yield "n_kv_heads", f"{self.n_heads} heads cannot share {self.n_kv_heads} key heads evenly; it must divide n_heads"
            if self.head_dim is not None and self.head_dim < 1:
                yield "head_dim", f"a head needs at least one dimension, not {self.head_dim}"
            if not 0 <= self.dropout < 1:
                yield "dropout", f"a dropout rate lies in [0, 1), not {self.dropout}"

        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            if self.head_dim is None and d_model % self.n_heads:
                near = min((n for n in range(1, d_model + 1) if d_model % n == 0), key=lambda n: abs(n - self.n_heads))
                return [("n_heads", f"{self.n_heads} heads do not divide d_model {d_model}; take {near} heads, or give head_dim")]
            return []

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.head_dim = config.head_dim or d_model // config.n_heads
        n_kv_heads = config.n_kv_heads or config.n_heads
        self.scale = self.head_dim**-0.5 if config.scale is None else config.scale
        self.query = Linear(d_model, config.n_heads * self.head_dim, config.qkv_bias)
        self.key = Linear(d_model, n_kv_heads * self.head_dim, config.qkv_bias)
        self.value = Linear(d_model, n_kv_heads * self.head_dim, config.qkv_bias)
        self.out = Linear(config.n_heads * self.head_dim, d_model, config.out_bias)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, plan: Plan, memory: Tensor | None = None, state: Keys | None = None) -> Tensor:
        """x [B, T, D] attends to itself, or to `memory` [B, S, D].

        With `state`, self-attention appends to it and sees everything in it; one that remembers a memory stands for it.
        Where rows share a group's keys, they are more queries of the same keys.
        """
        if state is not None and state.k.shape[0] != x.shape[0]:
            rows, length, width = x.shape
            return self(x.reshape(state.k.shape[0], -1, width), plan, memory, state).view(rows, length, width)
        q, k, v = self._project(x, memory, state)
        return self.out(attend(q, k, v, plan, self.scale, self.dropout))

    def weights(self, x: Tensor, plan: Plan, memory: Tensor | None = None, state: Keys | None = None) -> Tensor:
        """The attention weights of the same call as `forward`, [B, N, T, S] in fp32; for calls without a cache."""
        if state is not None:
            raise ValueError("attention weights are read from whole sequences, without a cache")
        q, k, _ = self._project(x, memory, None)
        return attention_weights(q, k, plan, self.scale)

    def remember(self, memory: Tensor) -> Keys:
        """The keys and values of a memory [M, S, D], computed once for all steps of decoding."""
        k, v = (self._heads(t).contiguous() for t in apply_together(memory, [self.key, self.value]))
        return FixedKeys(k, v, used=memory.shape[1])

    def new_state(self, rows: int, length: int, group: int, device: torch.device, dtype: torch.dtype) -> Keys:
        shape = (rows // group, self.key.weight.shape[0] // self.head_dim, length * group, self.head_dim)
        return Keys(torch.empty(shape, device=device, dtype=dtype), torch.empty(shape, device=device, dtype=dtype), group)

    def _project(self, x: Tensor, memory: Tensor | None, state: Keys | None) -> tuple[Tensor, Tensor, Tensor]:
        if isinstance(state, FixedKeys):
            return self._heads(self.query(x)), state.k, state.v
        if memory is not None:
            k, v = apply_together(memory, [self.key, self.value])
            return self._heads(self.query(x)), self._heads(k), self._heads(v)
        q, k, v = (self._heads(t) for t in apply_together(x, [self.query, self.key, self.value]))
        if state is not None:
            k, v = state.append(k, v)
        return q, k, v

    def _heads(self, x: Tensor) -> Tensor:
        """[B, T, heads * H] -> [B, heads, T, H]"""
        return x.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)


class FixedKeys(Keys):
    """Keys of a memory: read by every step, never appended to."""
