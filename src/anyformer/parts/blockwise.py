"""Attention tile by tile: forward and backward take the time and the memory of the tiles alone.

Weights are not kept for the way back but computed again, tile by tile (as in FlashAttention, Dao et al. 2022, section 3.1).
Shapes: q [B, N, T, H], k and v [B, K, S, H]; a tile has t queries and s keys, of b rows at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from anyformer.parts.tiles import Tile, Tiles

Attend = Callable[[Tensor, Tensor, Tensor, Tile, Tensor | None, Tensor | None], Tensor]
"""(q [b, N, t, H], k and v [b, K or N, s, H], tile, bias, sinks) -> [b, N, t, H]: the equation for one tile."""

AT_ONCE = 1 << 19  # scores that are computed at once: 2 MiB in fp32, what the cache of a core holds


def attend_by_tiles(
    attend: Attend, tiles: Tiles, q: Tensor, k: Tensor, v: Tensor, sinks: Tensor | None, biases: tuple[Tensor | None, ...], random: bool
) -> Tensor:
    """[B, N, T, H]. biases: one for each tile. random: `attend` draws numbers, which are drawn again on the way back."""
    ragged = -k.shape[2] % tiles.size
    if ragged and any(isinstance(tile.keys, Tensor) for tile in tiles.tiles):
        k, v = F.pad(k, (0, 0, 0, ragged)), F.pad(v, (0, 0, 0, ragged))
    return _ByTiles.apply(attend, tiles, random, q, k, v, sinks, *biases)


class _ByTiles(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, attend: Attend, tiles: Tiles, random: bool, q: Tensor, k: Tensor, v: Tensor, sinks: Tensor | None, *biases: Tensor | None) -> Tensor:
        ctx.attend, ctx.tiles, ctx.states = attend, tiles, []
        ctx.save_for_backward(q, k, v, sinks, *biases)
        out = q.new_zeros(*q.shape[:3], v.shape[-1])
        for i, tile, rows in _pieces(tiles, q):
            if random:
                ctx.states.append(torch.get_rng_state())
            part = q[rows, :, tile.queries], _take(k[rows], tile.keys, tiles.size), _take(v[rows], tile.keys, tiles.size)
            out[rows, :, tile.queries] = attend(*part, tile, _of(biases[i], rows), sinks)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, sinks, *biases = ctx.saved_tensors
        tiles, states = ctx.tiles, iter(ctx.states)
        to_q, to_k, to_v = (torch.zeros(x.shape, dtype=x.dtype, device=x.device) for x in (q, k, v))
        to_sinks = None if sinks is None else torch.zeros_like(sinks)
        to_biases = [torch.zeros_like(b) if needed else None for b, needed in zip(biases, ctx.needs_input_grad[7:], strict=True)]
        for i, tile, rows in _pieces(tiles, q):
            part = q[rows, :, tile.queries], _take(k[rows], tile.keys, tiles.size), _take(v[rows], tile.keys, tiles.size)
            inputs = [x.detach().requires_grad_() for x in part]
            bias, to_bias = _of(biases[i], rows), _of(to_biases[i], rows)
            more = [None if x is None else x.detach().requires_grad_(wanted) for x, wanted in ((bias, to_bias is not None), (sinks, True))]
            with torch.enable_grad(), _replay(next(states, None)):
                out = ctx.attend(*inputs, tile, *more)
            wanted = [x for x in (*inputs, *more) if x is not None and x.requires_grad]
            grads = list(torch.autograd.grad(out, wanted, grad[rows, :, tile.queries]))
            to_q[rows, :, tile.queries] = grads.pop(0)
            _give(to_k[rows], tile.keys, tiles.size, grads.pop(0))
            _give(to_v[rows], tile.keys, tiles.size, grads.pop(0))
            for to in (to_bias, to_sinks):
                if to is not None:
                    to += grads.pop(0)
        return None, None, None, to_q, to_k, to_v, to_sinks, *to_biases


def _pieces(tiles: Tiles, q: Tensor) -> Iterator[tuple[int, Tile, slice]]:
    """(number of the tile, tile, rows): as many rows as are computed at once. Tiles without keys are left out: what they give is 0."""
    for i, tile in enumerate(tiles.tiles):
        n_keys = tile.keys.shape[1] * tiles.size if isinstance(tile.keys, Tensor) else sum(run.stop - run.start for run in tile.keys)
        start, stop, _ = tile.rows.indices(q.shape[0])
        step = max(1, AT_ONCE // max(1, q.shape[1] * (tile.queries.stop - tile.queries.start) * n_keys))
        for row in range(start, stop if n_keys else start, step):
            yield i, tile, slice(row, min(row + step, stop))


def _of(bias: Tensor | None, rows: slice) -> Tensor | None:
    return bias if bias is None or bias.shape[0] == 1 else bias[rows]


def _take(x: Tensor, keys: tuple[slice, ...] | Tensor, size: int) -> Tensor:
    """The keys of a tile: [b, K, S, H] -> [b, K, s, H]; where heads have keys of their own, [b, N, s, H]."""
    if isinstance(keys, Tensor):
        blocks = x.unflatten(2, (-1, size))
        return blocks[:, _key_heads(x, keys), keys].flatten(2, 3)
    return x[:, :, keys[0]] if len(keys) == 1 else torch.cat([x[:, :, run] for run in keys], dim=2)


def _give(to: Tensor, keys: tuple[slice, ...] | Tensor, size: int, grad: Tensor) -> None:
    """Adds the gradient of what `_take` took, in place."""
    if isinstance(keys, Tensor):
        heads, blocks = to.shape[1], to.shape[2] // size
        where = (_key_heads(to, keys) * blocks + keys).flatten()
        to.view(to.shape[0], heads * blocks, -1).index_add_(1, where, grad.reshape(grad.shape[0], len(where), -1))
        return
    begin = 0
    for run in keys:
        end = begin + run.stop - run.start
        to[:, :, run] += grad[:, :, begin:end]
        begin = end


def _key_heads(x: Tensor, keys: Tensor) -> Tensor:
    """The key head of each head, [N, 1]."""
    n_heads = keys.shape[0]
    return (torch.arange(n_heads, device=x.device) // (n_heads // x.shape[1])).unsqueeze(1)


@contextlib.contextmanager
def _replay(state: Tensor | None) -> Iterator[None]:
    """Draws from torch's CPU generator as they were when it was in `state`."""
    if state is None:
        yield
        return
    now = torch.get_rng_state()
    torch.set_rng_state(state)
    yield
    torch.set_rng_state(now)
