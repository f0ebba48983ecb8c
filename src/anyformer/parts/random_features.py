"""Attention by random features: exp(q k) becomes phi(q) phi(k), so that keys are summed once for all queries, in linear time and memory.

Dimensions: B rows, T queries, S keys, N heads, K key heads, H head width, D model, F features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.feature_flow import Flow, Tokens
from anyformer.parts.feature_sums import Keys
from anyformer.parts.kv_cache import State
from anyformer.parts.lowering import Facts, Plan
from anyformer.parts.mask import Causal, Full, Mask, Or, Prefix
from anyformer.parts.mechanism import Mechanism
from anyformer.parts.place import Place
from anyformer.parts.reach import NOTHING, fill_padding
from anyformer.parts.recurrent import Recurrent, Summary

_MASKS = (Full(), Causal(), Causal() | Prefix(), Prefix() | Causal())


class RandomFeatures(Mechanism):
    """What Performer and RFA share, everything but the features:

        out_t = sum_s phi(q_t) phi(k_s) v_s / sum_s phi(q_t) phi(k_s)

    Nothing but a gate makes a sum forget a key, so only masks can be followed under which sums are shared: all keys of the document, those up to
    the query, or those and the prefix. Positions may turn queries and keys, but there are no scores to which one could be added.
    """

    directions: Tensor  # buffer: the random vectors, [.., m, H]
    floor = 1e-30  # of the denominator, which is 0 only where there is nothing to see

    class Config(Mechanism.Config):
        redraw_every: int | None  # steps of training; None: the first draw is kept

        def misfits(self, mask: Mask, position: AttentionPosition.Config | None) -> list[tuple[str, str]]:
            found = []
            if mask not in _MASKS:
                found.append(("mask", f"random features sum keys and cannot leave single ones out, as {mask.to_text()} does; {_way_out(mask)}"))
            if position is not None and position.part.uses - {"rotate"}:  # type: ignore[attr-defined]
                message = f"random features have no scores to which {position.kind()} could add; take Rotary, or positions in the embedding"
                found.append(("position", message))
            return found

        def misfits_across(self, mask: Mask) -> list[tuple[str, str]]:
            return [] if mask == Full() else [("mask", f"random features read a memory as a whole, in no order; take Full() instead of {mask.to_text()}")]

    def __init__(self, config: Config, n_heads: int, n_features: int):
        super().__init__()
        self.n_heads, self.n_features, self.redraw_every = n_heads, n_features, config.redraw_every

    def of_queries(self, q: Tensor, scale: float) -> Tensor:
        """phi(q), up to a factor of each query's own: [B, N, T, H] -> [B, N, T, F]. All in fp32, here and below."""
        raise NotImplementedError

    def of_keys(self, k: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """phi(k) = exp(weight) features: [B, N, S, H] -> [B, N, S, F] and [B, N, S]."""
        raise NotImplementedError

    def gate(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """By what each token's key and the sums before it are multiplied, as logarithms [B, N, T], from the attention's input [B, T, D]."""
        return None

    def redraw(self) -> None:
        """Draws the features anew, from torch's default generator."""
        raise NotImplementedError

    def after_step(self, step: int) -> None:
        """Called by the trainer; features that stay the same would be fitted to (Choromanski et al. 2021, section 4.2)."""
        if self.redraw_every is not None and step % self.redraw_every == 0:
            self.redraw()

    def flops_per_token(self, head_dim: int) -> int:
        """Features of a query and a key, and what is summed and read of them: two a multiply-add."""
        return 2 * self.n_heads * head_dim * (2 * self.directions.shape[-2] + 2 * self.n_features)

    def lower(self, mask: Mask, position: AttentionPosition | None, facts: Facts) -> Plan:
        """A plan without pairs: `allowed` [B, S] says which keys are real, and only where documents are packed there are segments, without holes."""
        real = None if facts.k.segment is None or facts.padding == "none" else facts.k.segment != 0
        prefix = facts.k.prefix if isinstance(mask, Or) else None
        q, k = (Place(p.index, p.position, fill_padding(p.segment) if facts.packed and p.segment is not None else None, prefix) for p in (facts.q, facts.k))
        return Plan(mask != Full(), real, position=position, tables=None if position is None else position.tables(facts.q), q=q, k=k)

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
        assert plan.q is not None and plan.k is not None
        flow = Flow(lambda q: self.of_queries(q.float(), scale), lambda tokens: self._keys(tokens, scale), self.floor, self.n_heads * self.n_features)
        if isinstance(state, Summary):
            out = flow.read(q, state.read(lambda k, v: flow.sum_up(Tokens(k, v, None, plan.allowed))))
        elif plan.causal:
            assert k is not None and v is not None
            out = _look_back(flow, q, _tokens(k, v, x, plan), plan.k, state)
        else:
            assert k is not None and v is not None
            tokens = _tokens(k, v, None, plan)
            of_q = plan.q.segment
            out = flow.read(q, flow.sum_up(tokens)) if of_q is None or tokens.documents is None else flow.read_documents(q, tokens, of_q)
        return out.to(q.dtype).transpose(1, 2).flatten(2)

    def weights(self, q: Tensor, k: Tensor, x: Tensor, plan: Plan, scale: float) -> Tensor:
        keys = self._keys(_tokens(k, k, x, plan), scale)
        weight = keys.weight if keys.decay is None else keys.weight - keys.decay.cumsum(-1)
        weight = weight.unsqueeze(2).masked_fill(~_pairs(plan, q.shape[2], k.shape[2]), -torch.inf)  # [B, N, T, S]
        weight = (weight - weight.amax(-1, keepdim=True).clamp(min=NOTHING)).exp() * (self.of_queries(q.float(), scale) @ keys.features.transpose(-1, -2))
        return weight / weight.sum(-1, keepdim=True).clamp(min=self.floor)

    def new_state(self, rows: int, n_kv_heads: int, head_dim: int, length: int, group: int, device: torch.device, dtype: torch.dtype) -> State:
        return Recurrent(rows, self.n_heads, self.n_features, head_dim, device)

    def remember(self, k: Tensor, v: Tensor) -> State:
        return Summary(k, v)

    def _keys(self, tokens: Tokens, scale: float) -> Keys:
        """Keys and values with their features, one for each of the N heads."""
        k, v = (t.float().repeat_interleave(self.n_heads // t.shape[1], dim=1) for t in (tokens.k, tokens.v))
        features, weight = self.of_keys(k, scale)
        real = None if tokens.real is None else tokens.real.unsqueeze(1)
        gate, decay = None if tokens.x is None else self.gate(tokens.x), None
        if gate is not None:
            weight, decay = weight + gate[0], gate[1] if real is None else gate[1].where(real, 0.0)
        return Keys(features, F.pad(v, (0, 1), value=1.0), weight if real is None else weight.where(real, -torch.inf), decay)


def _tokens(k: Tensor, v: Tensor, x: Tensor | None, plan: Plan) -> Tokens:
    """The new tokens, which are the last of those that the plan speaks of."""
    n = k.shape[2]
    documents = None if plan.k is None or plan.k.segment is None else plan.k.segment[:, -n:]
    return Tokens(k, v, x, None if plan.allowed is None else plan.allowed[:, -n:], documents)


def _look_back(flow: Flow, q: Tensor, tokens: Tokens, place: Place, state: State | None) -> Tensor:
    """Queries see what stands before them, in `state` too, and the prefix. `place` is that of all tokens up to now."""
    n = q.shape[2]
    open_ = None if place.segment is None or place.segment.shape[1] == n else place.segment[:, -n - 1]
    before = state.sums if isinstance(state, Recurrent) else None
    if place.prefix is None:
        out, after = flow.look_back(q, tokens, before, open_)
    else:
        out, after = flow.look_back_and_at_prefix(q, tokens, before, open_, place.prefix[:, -n:])
    if isinstance(state, Recurrent) and after is not None:
        state.advance(after, n)
    return out


def _pairs(plan: Plan, n_q: int, n_k: int) -> Tensor:
    """[1|B, 1, T, S]: which keys stand in a query's sum."""
    assert plan.q is not None and plan.k is not None
    seen = torch.ones(1, 1, n_q, n_k, dtype=torch.bool, device=plan.q.index.device)
    if plan.causal:
        seen = seen.tril() if plan.k.prefix is None else seen.tril() | plan.k.prefix[:, None, None]
    if plan.q.segment is not None and plan.k.segment is not None:
        seen = seen & (plan.q.segment[:, None, :, None] == plan.k.segment[:, None, None])
    return seen


def _way_out(mask: Mask) -> str:
    text = mask.to_text()
    near = "Causal() | Prefix()" if "Prefix" in text and "Causal" in text else "Causal()" if "Causal" in text else "Full()"
    return f"take {near}, or mechanism: Softmax"
