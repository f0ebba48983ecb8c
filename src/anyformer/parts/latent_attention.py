"""Multi-head latent attention, MLA (DeepSeek-AI 2024, DeepSeek-V2, section 2.1; as in DeepSeek-V3): keys and values are made of one narrow latent.

    c_t = norm(W_DKV x_t)                          the latent, the same for all heads
    k_s = [W_UK c_s ; turn(W_KR x_s)],  v_s = W_UV c_s        the turned part, too, is the same for all heads
    q_t = [W_Q x_t ; turn(W_QR x_t)],  or of norm(W_DQ x_t) instead of x_t

Only [c_s ; turn(W_KR x_s)] is remembered. Dimensions: B rows, T queries, S keys, D model, N heads, R kv_rank, P nope_dim, U rope_dim, V value_dim.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from anyformer.parts.attention import Attention
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.kv_cache import FixedKeys, Keys, State
from anyformer.parts.linear import Linear, apply_together
from anyformer.parts.lowering import Plan
from anyformer.parts.mask import Full, Mask
from anyformer.parts.mechanism import Mechanism, Softmax
from anyformer.parts.norm import Norm, RMSNorm
from anyformer.parts.rope_by_pair import YaRN, yarn_gain
from anyformer.parts.rotary import Rotary
from anyformer.spec import spec


class LatentAttention(Attention):
    """Attention whose memory of a token is R + U numbers, however many heads there are.

    Where few queries meet many remembered keys, W_UK is taken into the query and W_UV into the output ("absorbed", section 2.1.2), so that
    keys and values are never made: q k = (W_UK^T q) c, and sum a v = W_UV sum a c.
    """

    @spec
    class Config(Attention.Config):
        n_heads: int
        kv_rank: int  # R
        nope_dim: int  # P: features of a head that are not turned
        rope_dim: int  # U: those that are
        value_dim: int  # V
        q_rank: int | None = None  # width of the queries' latent; None: queries are made of x itself
        norm: Norm.Config = RMSNorm.Config()  # of the latents
        mask: Mask = Full()
        position: AttentionPosition.Config | None = None
        mechanism: Mechanism.Config = Softmax.Config()
        scale: float | None = None  # None: 1 / sqrt(P + U), times the square of YaRN's gain for mscale_all_dim
        bias: bool = False  # of the maps to latents and turned keys, and of the output

        def problems(self) -> Iterator[tuple[str, str]]:
            for name in ("n_heads", "kv_rank", "nope_dim", "rope_dim", "value_dim", "q_rank"):
                value = getattr(self, name)
                if value is not None and value < 1:
                    yield name, f"must be at least 1, not {value}"

        def heads(self, d_model: int) -> tuple[int, int]:
            return self.n_heads, self.rope_dim

        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            found = super().misfits(d_model)
            if not isinstance(self.mechanism, Softmax.Config):
                message = f"{self.mechanism.kind()} remembers sums instead of keys, so latents gain nothing; take Softmax, or attention: MultiHeadAttention"
                found.append(("mechanism", message))
            if self.position is not None and self.position.part.uses - {"rotate", "bias"}:  # type: ignore[attr-defined]
                message = f"{self.position.kind()} reads keys, which latent attention does not keep; take Rotary"
                found.append(("position", message))
            return found

        def softmax_scale(self) -> float:
            if self.scale is not None:
                return self.scale
            scale = (self.nope_dim + self.rope_dim) ** -0.5
            scaling = self.position.scaling if isinstance(self.position, Rotary.Config) else None
            if isinstance(scaling, YaRN) and scaling.mscale_all_dim:
                scale *= yarn_gain(scaling.factor, scaling.mscale_all_dim) ** 2
            return scale

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.n_heads, self.mask, self.scale = config.n_heads, config.mask, config.softmax_scale()
        self.kv_rank, self.nope_dim, self.rope_dim, self.value_dim = config.kv_rank, config.nope_dim, config.rope_dim, config.value_dim
        wide = self.nope_dim + self.rope_dim
        self.query_down = None if config.q_rank is None else Linear(d_model, config.q_rank, config.bias)  # W_DQ
        self.query_norm: Norm | None = None if config.q_rank is None else config.norm.build(config.q_rank)
        self.query = Linear(config.q_rank or d_model, self.n_heads * wide, bias=False)  # W_Q and W_QR, head by head
        self.latent = Linear(d_model, self.kv_rank, config.bias)  # W_DKV
        self.latent_norm: Norm = config.norm.build(self.kv_rank)
        self.turned_key = Linear(d_model, self.rope_dim, config.bias)  # W_KR
        self.key = Linear(self.kv_rank, self.n_heads * self.nope_dim, bias=False)  # W_UK
        self.value = Linear(self.kv_rank, self.n_heads * self.value_dim, bias=False)  # W_UV
        self.out = Linear(self.n_heads * self.value_dim, d_model, config.bias)
        self.mechanism = config.mechanism.build(d_model, self.n_heads, wide)
        own = config.position is not None and config.position.per == "layer"
        self.position = config.position.build(d_model, self.n_heads, self.rope_dim) if own and config.position is not None else None

    def forward(self, x: Tensor, plan: Plan, memory: Tensor | None = None, state: State | None = None) -> Tensor:
        """As `MultiHeadAttention.forward`."""
        if state is not None and state.rows != x.shape[0]:
            rows, length, width = x.shape
            return self(x.reshape(state.rows, -1, width), plan, memory, state).view(rows, length, width)
        q = self._queries(x, plan)
        if isinstance(state, FixedKeys):
            latents = state.k
        else:
            latents = self._latents(x, plan) if memory is None else self._latents(memory)
            latents = state.append_latents(latents) if isinstance(state, Latents) else latents
        attend = self._absorbed if self._absorbing_pays(q.shape[2], latents.shape[2]) else self._plain
        return self.out(attend(q, latents, x, plan))

    def weights(self, x: Tensor, plan: Plan, memory: Tensor | None = None, state: State | None = None) -> Tensor:
        if state is not None:
            raise ValueError("attention weights are read from whole sequences, without a cache")
        latents = self._latents(x, plan) if memory is None else self._latents(memory)
        return self.mechanism.weights(self._queries(x, plan), self._keys_and_values(latents)[0], x, plan, self.scale)

    def remember(self, memory: Tensor) -> State:
        latents = self._latents(memory)
        return FixedKeys(latents, latents[..., :0], used=latents.shape[2])

    def new_state(self, rows: int, length: int, group: int, device: torch.device, dtype: torch.dtype) -> State:
        return Latents(torch.empty(rows // group, 1, length * group, self.kv_rank + self.rope_dim, device=device, dtype=dtype), group)

    def _queries(self, x: Tensor, plan: Plan) -> Tensor:
        """[B, N, T, P + U], the last U features turned."""
        if self.query_down is not None and self.query_norm is not None:
            x = self.query_norm(self.query_down(x))
        q = self.query(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
        return _turn_last(q, self.nope_dim, plan)

    def _latents(self, x: Tensor, plan: Plan | None = None) -> Tensor:
        """What is remembered of each token, [B, 1, S, R + U]."""
        latent, key = apply_together(x, [self.latent, self.turned_key])
        return _turn_last(torch.cat([self.latent_norm(latent), key], dim=-1).unsqueeze(1), self.kv_rank, plan)

    def _keys_and_values(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """[B, N, S, P + U] and [B, N, S, V]."""
        latent, turned = latents.split([self.kv_rank, self.rope_dim], dim=-1)
        k, v = (t.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for t in apply_together(latent.squeeze(1), [self.key, self.value]))
        return torch.cat([k, turned.expand(-1, self.n_heads, -1, -1)], dim=-1), v

    def _plain(self, q: Tensor, latents: Tensor, x: Tensor, plan: Plan) -> Tensor:
        k, v = self._keys_and_values(latents)
        return self.mechanism(q, k, v, x, plan, self.scale, plan.position)

    def _absorbed(self, q: Tensor, latents: Tensor, x: Tensor, plan: Plan) -> Tensor:
        """One key head, the latents, which are their own values."""
        key, value = (m.weight.to(q.dtype).unflatten(0, (self.n_heads, -1)) for m in (self.key, self.value))  # [N, P, R], [N, V, R]
        plain, turned = q.split([self.nope_dim, self.rope_dim], dim=-1)
        q = torch.cat([plain @ key, turned], dim=-1)  # [B, N, T, R + U]
        seen = self.mechanism(q, latents, latents[..., : self.kv_rank], x, plan, self.scale, plan.position)  # [B, T, N * R]
        return (seen.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) @ value.transpose(1, 2)).transpose(1, 2).flatten(2)

    def _absorbing_pays(self, n_q: int, n_k: int) -> bool:
        """By the products of each head: making keys and values of n_k latents against taking n_q queries to latents and back, and wider scores."""
        up = self.kv_rank * (self.nope_dim + self.value_dim)
        return n_q * (up + n_k * (2 * self.kv_rank + self.rope_dim)) < n_k * (up + n_q * (self.nope_dim + self.rope_dim + self.value_dim))


class Latents(Keys):
    """Latents [M, 1, L * g, R + U] of one layer: keys whose values are a part of themselves."""

    def __init__(self, latents: Tensor, group: int = 1, used: int = 0):
        super().__init__(latents, latents[..., :0], group, used)

    def append_latents(self, new: Tensor) -> Tensor:
        return self.append(new, new[..., :0])[0]


def _turn_last(x: Tensor, n_plain: int, plan: Plan | None) -> Tensor:
    """x with all but its first features turned by where the tokens stand."""
    if plan is None or plan.position is None or plan.tables is None:
        return x
    return torch.cat([x[..., :n_plain], plan.position.rotate(x[..., n_plain:], plan.tables)], dim=-1)
