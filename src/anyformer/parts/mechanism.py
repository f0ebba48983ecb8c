"""What attention does with queries, keys and values. B rows, T queries, S keys, N heads, K key heads, H head width, D model."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.dropout import Dropout
from anyformer.parts.kernel import Equation, attend, attention_weights
from anyformer.parts.kv_cache import FixedKeys, Keys, State
from anyformer.parts.lowering import Facts, Plan, add_position, lower
from anyformer.parts.mask import Mask
from anyformer.parts.part import Part, PartConfig
from anyformer.spec import spec


class Mechanism(Part):
    """Slot: build(d_model, n_heads, head_dim)."""

    shares_keys = False  # whether the hypotheses of a beam may keep their past in one store

    class Config(PartConfig):
        def misfits(self, mask: Mask, position: AttentionPosition.Config | None) -> list[tuple[str, str]]:
            """(field of the attention, message) for masks and positions that this mechanism cannot follow."""
            return []

        def misfits_across(self, mask: Mask) -> list[tuple[str, str]]:
            """The same for masks of an attention to a memory."""
            return []

    def lower(self, mask: Mask, position: AttentionPosition | None, facts: Facts) -> Plan:
        """What the layers with this mask and position need, computed once a forward."""
        raise NotImplementedError

    def forward(
        self,
        q: Tensor,
        k: Tensor | None,
        v: Tensor | None,
        x: Tensor,
        plan: Plan,
        scale: float,
        position: AttentionPosition | None = None,
        state: State | None = None,
    ) -> Tensor:
        """q [B, N, T, H], k and v [B, K, S, H] of the attention's input x [B, T, D] -> [B, T, N * H].

        `state` takes k and v in and answers with all that it remembers; a state of `remember` stands for a memory, k and v are None.
        """
        raise NotImplementedError

    def weights(self, q: Tensor, k: Tensor, x: Tensor, plan: Plan, scale: float) -> Tensor:
        """What the values are multiplied by, [B, N, T, S] in fp32: for pictures."""
        raise NotImplementedError

    def new_state(self, rows: int, n_kv_heads: int, head_dim: int, length: int, group: int, device: torch.device, dtype: torch.dtype) -> State:
        """Room for `length` tokens of `rows` rows, in groups that share a store."""
        raise NotImplementedError

    def remember(self, k: Tensor, v: Tensor) -> State:
        """The state that stands for a memory's keys and values [M, K, S, H] in all steps of decoding."""
        raise NotImplementedError


class Softmax(Mechanism):
    """softmax(cap(scale * (q k + scores)) + bias + mask) v + values (Vaswani et al. 2017, equation 1).

    cap(x) = c tanh(x / c) (Gemma 2, section 2); `sinks`: a learned logit a head that takes part in the softmax and has no value
    (gpt-oss; Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks").
    """

    shares_keys = True

    @spec
    class Config(Mechanism.Config):
        dropout: float = 0.0  # on the weights
        cap: float | None = None
        sinks: bool = False

        def problems(self) -> Iterator[tuple[str, str]]:
            if not 0 <= self.dropout < 1:
                yield "dropout", f"a dropout rate lies in [0, 1), not {self.dropout}"
            if self.cap is not None and self.cap <= 0:
                yield "cap", f"scores are capped at a positive number, not {self.cap}; null: not at all"

    def __init__(self, config: Config, d_model: int, n_heads: int, head_dim: int):
        super().__init__()
        self.dropout, self.cap = Dropout(config.dropout), config.cap
        self.sinks = nn.Parameter(torch.zeros(n_heads)) if config.sinks else None

    def lower(self, mask: Mask, position: AttentionPosition | None, facts: Facts) -> Plan:
        return add_position(lower(mask, facts), position, facts)

    def forward(
        self,
        q: Tensor,
        k: Tensor | None,
        v: Tensor | None,
        x: Tensor,
        plan: Plan,
        scale: float,
        position: AttentionPosition | None = None,
        state: State | None = None,
    ) -> Tensor:
        if isinstance(state, FixedKeys):
            k, v = state.k, state.v
        elif isinstance(state, Keys) and k is not None and v is not None:
            k, v = state.append(k, v)
        assert k is not None and v is not None
        return attend(q, k, v, plan, Equation(scale, self.cap, self.sinks, self.dropout, position))

    def weights(self, q: Tensor, k: Tensor, x: Tensor, plan: Plan, scale: float) -> Tensor:
        return attention_weights(q, k, plan, Equation(scale, self.cap, self.sinks, self.dropout, plan.position))

    def new_state(self, rows: int, n_kv_heads: int, head_dim: int, length: int, group: int, device: torch.device, dtype: torch.dtype) -> State:
        shape = (rows // group, n_kv_heads, length * group, head_dim)
        return Keys(torch.empty(shape, device=device, dtype=dtype), torch.empty(shape, device=device, dtype=dtype), group)

    def remember(self, k: Tensor, v: Tensor) -> State:
        return FixedKeys(k.contiguous(), v.contiguous(), used=k.shape[2])
