"""flex_attention, which on GPUs computes only the blocks that a mask needs: the same rule, asked for one pair at a time.

    softmax(cap(scale * q k) + bias + mask) v

Shapes: q [B, N, T, H], k and v [B, K, S, H]. B rows (1 where all rows agree), T queries, S keys, N heads; blocks of `BLOCK` queries and keys.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, flex_attention

from anyformer.parts import tiles
from anyformer.parts.mask import And, Both, Mask
from anyformer.parts.mask_facts import Tokens
from anyformer.parts.random_blocks import RandomBlocks
from anyformer.parts.sparse_masks import Compound

_known: dict[tuple[object, ...], bool] = {}  # kinds of products: whether they can be compiled, and are right

Rule = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(row, head, query i, key j), each a number: may i see j?"""

BLOCK = 128  # what flex_attention's kernels take
AT_LEAST = 1024  # queries and keys below which a dense mask is as fast


def attend_by_flex(q: Tensor, k: Tensor, v: Tensor, mask: Mask, pairs: BlockMask, bias: Tensor | None, scale: float, cap: float | None) -> Tensor | None:
    """[B, N, T, H]; None, with a warning, where it cannot be compiled, or computes something else. bias: [1|B, N, T, S]."""
    kind = mask, q.dtype, q.shape[1] // k.shape[1], q.shape[3], v.shape[3], bias is None, cap
    if _known.get(kind) is False:
        return None
    try:
        out = _compiled()(q, k, v, score_mod=_score(bias, cap), block_mask=pairs, scale=scale, enable_gqa=q.shape[1] != k.shape[1])
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a compiler of kernels may raise: slow is better than nothing, in silence is worse
        _refuse(kind, f"could not be compiled here: {str(error).strip().partition(chr(10))[0]}")
        return None
    if kind not in _known and not _agrees(out, q, k, v, pairs, bias, scale, cap):
        _refuse(kind, "computes something else for this mask")
        return None
    _known[kind] = True
    return out


def _refuse(kind: tuple[object, ...], why: str) -> None:
    _known[kind] = False
    warnings.warn(f"flex_attention {why}; masks cost time and memory as if all pairs were seen", stacklevel=3)


@torch.no_grad()
def _agrees(out: Tensor, q: Tensor, k: Tensor, v: Tensor, pairs: BlockMask, bias: Tensor | None, scale: float, cap: float | None) -> bool:
    """Whether some queries of the last row got what the equation gives them. Compilers of kernels have been seen to go wrong in silence."""
    row = q.shape[0] - 1
    at = torch.linspace(0, q.shape[2] - 1, min(q.shape[2], 64), device=q.device).long()
    keys, values = (x[row].float().repeat_interleave(q.shape[1] // k.shape[1], dim=0) for x in (k, v))
    where = torch.tensor(row, device=q.device), torch.arange(q.shape[1], device=q.device)[:, None, None], at[:, None], torch.arange(k.shape[2], device=q.device)
    scores = scale * (q[row, :, at].float() @ keys.transpose(-1, -2))
    score = _score(bias, cap)
    scores = scores if score is None else score(scores, *where)
    allowed = pairs.mask_mod(*where)
    expected = (scores.masked_fill(~allowed, -1e30).softmax(-1) * allowed) @ values  # [N, 64, H]
    seen = allowed.any(-1, keepdim=True)  # what a query gets that sees nothing is never used, or put to 0 below
    error = ((out[row, :, at].float() - expected) * seen).abs().max()
    return bool(error <= 0.03 * expected.abs().max().clamp(min=1e-3))


@functools.cache
def _compiled() -> Callable[..., Tensor]:
    """Compilers take seconds to import: only where they are used."""
    return torch.compile(flex_attention)


def _score(bias: Tensor | None, cap: float | None) -> Callable[..., Tensor] | None:
    if bias is None and cap is None:
        return None

    def score(product: Tensor, row: Tensor, head: Tensor, i: Tensor, j: Tensor) -> Tensor:
        if cap is not None:
            product = cap * torch.tanh(product / cap)
        return product if bias is None else product + bias[row if bias.shape[0] > 1 else 0, head, i, j]

    return score


def block_mask(mask: Mask, q: Tokens, k: Tokens, packed: bool, padded: bool) -> BlockMask:
    """Which pairs of blocks are computed, and the rule within those that are only partly allowed. Reads no data: all is computed on the device."""
    known = tiles.bounds(mask, q, k, packed, padded, BLOCK)
    every = (known.by_rule & known.by_document).expand_as(known.some)
    lists = *_listed(known.some & ~every), *_listed(known.some & every)
    lengths = q.order.shape[1], k.order.shape[1]
    return BlockMask.from_kv_blocks(*lists, BLOCK_SIZE=BLOCK, mask_mod=rule_of(mask, q, k, packed, padded), seq_lengths=lengths)


def _listed(seen: Tensor) -> tuple[Tensor, Tensor]:
    """[B, N, blocks of queries, blocks of keys] as how many are true in each row, and where, those first."""
    return seen.sum(-1, dtype=torch.int32), seen.int().argsort(dim=-1, descending=True, stable=True).int()


def rule_of(mask: Mask, q: Tokens, k: Tokens, packed: bool, padded: bool) -> Rule:
    """The mask within documents."""
    by_mask = _rule(mask, q, k)
    q_segment, k_segment = q.segment, k.segment
    if k_segment is None or not (packed or padded):
        return by_mask

    def rule(row: Tensor, head: Tensor, i: Tensor, j: Tensor) -> Tensor:
        theirs = _at(k_segment, row, j)
        real = theirs != 0 if q_segment is None or not packed else (theirs != 0) & (theirs == _at(q_segment, row, i))
        return by_mask(row, head, i, j) & real

    return rule


def _rule(mask: Mask, q: Tokens, k: Tokens) -> Rule:
    if isinstance(mask, Compound):
        return _rule(mask.made_of(), q, k)
    if isinstance(mask, Both):
        left, right = _rule(mask.left, q, k), _rule(mask.right, q, k)
        return (lambda *pair: left(*pair) & right(*pair)) if isinstance(mask, And) else (lambda *pair: left(*pair) | right(*pair))
    if isinstance(mask, RandomBlocks):
        return _random(mask, q, k)

    def rule(row: Tensor, head: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return mask.sees(q.map(lambda fact: _at(fact, row, i)), k.map(lambda fact: _at(fact, row, j)))

    return rule


def _random(mask: RandomBlocks, q: Tokens, k: Tokens) -> Rule:
    """Draws are made once for each query, not for each pair."""
    heads = torch.arange(mask.own_heads, device=q.order.device)[:, None, None]
    drawn = [block.squeeze(3).contiguous() for block in mask.seen_by(q.as_queries(heads))]  # each [1|B, 1|N, T]
    other = mask.block_of(k)

    def rule(row: Tensor, head: Tensor, i: Tensor, j: Tensor) -> Tensor:
        theirs = _at(other, row, j)
        seen = theirs < 0
        for block in drawn:
            seen = seen | (theirs == block[row if block.shape[0] > 1 else 0, head if block.shape[1] > 1 else 0, i])
        return seen & (theirs >= 0)

    return rule


def _at(fact: Tensor, row: Tensor, i: Tensor) -> Tensor:
    return fact[row if fact.shape[0] > 1 else 0, i if fact.shape[1] > 1 else 0]
