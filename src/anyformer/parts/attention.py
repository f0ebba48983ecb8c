"""Attention (Vaswani et al. 2017, section 3.2). B rows, T queries, S keys, D model, N heads, K key heads, H head width."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.kv_cache import FixedKeys, State
from anyformer.parts.linear import Linear, apply_together
from anyformer.parts.lowering import Facts, Plan
from anyformer.parts.mask import Full, Mask
from anyformer.parts.mechanism import Mechanism, Softmax
from anyformer.parts.part import Part, PartConfig
from anyformer.parts.qk_norm import QKNorm
from anyformer.spec import spec


class Attention(Part):
    """Slot: build(d_model)."""

    mask: Mask
    mechanism: Mechanism
    position: AttentionPosition | None  # the layer's own; one that layers share is the stack's

    class Config(PartConfig):
        mask: Mask
        position: AttentionPosition.Config | None
        mechanism: Mechanism.Config

        def heads(self, d_model: int) -> tuple[int, int]:
            """(n_heads, head_dim) that the position sees."""
            raise NotImplementedError

        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            """(field, message) for what cannot be at this width."""
            found = list(self.mechanism.misfits(self.mask, self.position))
            drawn, n_heads = self.mask.own_heads, self.heads(d_model)[0]
            if drawn not in (1, n_heads):
                found.append(("mask", f"is drawn for {drawn} heads, the attention has {n_heads}; draw it for {n_heads}, or for 1"))
            if self.position is not None:
                found += [(f"position.{field}" if field else "position", message) for field, message in self.position.misfits(*self.heads(d_model))]
            return found

    def lower(self, position: AttentionPosition | None, facts: Facts) -> Plan:
        """What this attention needs for one forward; `position` is its own or the stack's."""
        return self.mechanism.lower(self.mask, position, facts)

    def forward(self, x: Tensor, plan: Plan, memory: Tensor | None = None, state: State | None = None) -> Tensor:
        raise NotImplementedError

    def weights(self, x: Tensor, plan: Plan, memory: Tensor | None = None, state: State | None = None) -> Tensor:
        """The attention weights of the same call as `forward`, [B, N, T, S] in fp32; for calls without a cache."""
        raise NotImplementedError

    def remember(self, memory: Tensor) -> State:
        """The state that stands for a memory [M, S, D] in all steps of decoding."""
        raise NotImplementedError

    def new_state(self, rows: int, length: int, group: int, device: torch.device, dtype: torch.dtype) -> State:
        raise NotImplementedError

    @property
    def shares_keys(self) -> bool:
        """Whether the hypotheses of a beam may keep their past in one store."""
        by_content = self.position is not None and bool(self.position.uses & {"scores", "values"})
        return self.mechanism.shares_keys and not by_content and self.mask.own_heads == 1


class MultiHeadAttention(Attention):
    """N heads of width H over K key heads: K = N multi-head, 1 < K < N grouped-query (Ainslie et al. 2023), K = 1 multi-query (Shazeer 2019)."""

    @spec
    class Config(Attention.Config):
        n_heads: int
        n_kv_heads: int | None = None  # None: n_heads
        head_dim: int | None = None  # None: d_model / n_heads
        mask: Mask = Full()
        position: AttentionPosition.Config | None = None
        mechanism: Mechanism.Config = Softmax.Config()
        scale: float | None = None  # of the scores; None: 1 / sqrt(head_dim)
        qk_norm: QKNorm.Config | None = None
        qkv_bias: bool = True
        out_bias: bool = True
        clip: float | None = None  # bound of the projected queries, keys and values (MPT)

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.n_heads < 1:
                yield "n_heads", f"attention needs at least one head, not {self.n_heads}"
            elif self.n_kv_heads is not None and (self.n_kv_heads < 1 or self.n_heads % self.n_kv_heads):
                yield "n_kv_heads", f"{self.n_heads} heads cannot share {self.n_kv_heads} key heads evenly; it must divide n_heads"
            if self.head_dim is not None and self.head_dim < 1:
                yield "head_dim", f"a head needs at least one dimension, not {self.head_dim}"
            if self.clip is not None and self.clip <= 0:
                yield "clip", f"projections are cut at a positive number, not {self.clip}; null: not at all"

        def heads(self, d_model: int) -> tuple[int, int]:
            return self.n_heads, self.head_dim or d_model // self.n_heads

        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            if self.head_dim is None and d_model % self.n_heads:
                near = min((n for n in range(1, d_model + 1) if d_model % n == 0), key=lambda n: abs(n - self.n_heads))
                return [("n_heads", f"{self.n_heads} heads do not divide d_model {d_model}; take {near} heads, or give head_dim")]
            return super().misfits(d_model)

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        n_heads, self.head_dim = config.heads(d_model)
        self.n_kv_heads = config.n_kv_heads or n_heads
        self.mask, self.clip = config.mask, config.clip
        self.scale = self.head_dim**-0.5 if config.scale is None else config.scale
        self.query = Linear(d_model, n_heads * self.head_dim, config.qkv_bias)
        self.key = Linear(d_model, self.n_kv_heads * self.head_dim, config.qkv_bias)
        self.value = Linear(d_model, self.n_kv_heads * self.head_dim, config.qkv_bias)
        self.out = Linear(n_heads * self.head_dim, d_model, config.out_bias)
        self.query_norm: QKNorm | None = None if config.qk_norm is None else config.qk_norm.build(n_heads, self.head_dim)
        self.key_norm: QKNorm | None = None if config.qk_norm is None else config.qk_norm.build(self.n_kv_heads, self.head_dim)
        self.mechanism = config.mechanism.build(d_model, n_heads, self.head_dim)
        own = config.position is not None and config.position.per == "layer"
        self.position = config.position.build(d_model, n_heads, self.head_dim) if own and config.position is not None else None

    def forward(self, x: Tensor, plan: Plan, memory: Tensor | None = None, state: State | None = None) -> Tensor:
        """x [B, T, D] attends to itself, or to `memory` [B, S, D].

        With `state`, self-attention appends to it and sees everything in it; one that remembers a memory stands for it.
        Where rows share a group's keys, they are more queries of the same keys.
        """
        if state is not None and state.rows != x.shape[0]:
            rows, length, width = x.shape
            return self(x.reshape(state.rows, -1, width), plan, memory, state).view(rows, length, width)
        remembered = memory is None and isinstance(state, FixedKeys)
        if remembered:
            q, k, v = self._finish(self.query(x), self.query_norm, plan), None, None
        else:
            q, k, v = self._project(x, memory, plan)
        return self.out(self.mechanism(q, k, v, x, plan, self.scale, plan.position, state))

    def weights(self, x: Tensor, plan: Plan, memory: Tensor | None = None, state: State | None = None) -> Tensor:
        if state is not None:
            raise ValueError("attention weights are read from whole sequences, without a cache")
        q, k, _ = self._project(x, memory, plan)
        return self.mechanism.weights(q, k, x, plan, self.scale)

    def remember(self, memory: Tensor) -> State:
        k, v = apply_together(memory, [self.key, self.value])
        return self.mechanism.remember(self._finish(k, self.key_norm), self._finish(v))

    def new_state(self, rows: int, length: int, group: int, device: torch.device, dtype: torch.dtype) -> State:
        return self.mechanism.new_state(rows, self.n_kv_heads, self.head_dim, length, group, device, dtype)

    def _project(self, x: Tensor, memory: Tensor | None, plan: Plan) -> tuple[Tensor, Tensor, Tensor]:
        if memory is None:
            q, k, v = apply_together(x, [self.query, self.key, self.value])
        else:
            q, (k, v) = self.query(x), apply_together(memory, [self.key, self.value])
        return self._finish(q, self.query_norm, plan), self._finish(k, self.key_norm, plan), self._finish(v)

    def _finish(self, x: Tensor, norm: QKNorm | None = None, plan: Plan | None = None) -> Tensor:
        """A projection [B, T, heads * H], cut, normalised and turned by its place: [B, heads, T, H]."""
        if self.clip is not None:
            x = x.clamp(-self.clip, self.clip)
        x = x.unflatten(-1, (-1, self.head_dim))
        if norm is not None:
            x = norm(x)
        x = x.transpose(1, 2)
        if plan is None or plan.position is None or plan.tables is None:
            return x
        return plan.position.rotate(x, plan.tables)
