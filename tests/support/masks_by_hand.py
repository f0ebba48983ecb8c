"""What each mask allows, by its definition, pair by pair: written apart from the code it tests."""

from __future__ import annotations

import functools

from anyformer.parts.bigbird import BigBird, GlobalBlocks
from anyformer.parts.mask import And, Causal, Full, Mask, Or, Prefix, Window
from anyformer.parts.random_blocks import Draws, RandomBlocks
from anyformer.parts.sparse_masks import BlockEnds, Dilated, Fixed, GlobalTokens, LocalBlocks, Strided


def allowed_by_hand(mask: Mask, segments: list[int] | None, prefix: list[bool] | None, length: int, head: int = 0) -> list[list[bool]]:
    """[T][S]. Distances and places are counted in real tokens of the same document."""
    segments = segments or [1] * length
    table = [[False] * length for _ in range(length)]
    for document in {s for s in segments if s}:
        slots = [i for i, s in enumerate(segments) if s == document]
        for i, q in enumerate(slots):
            for j, k in enumerate(slots):
                table[q][k] = sees(mask, i, j, len(slots), bool(prefix and prefix[k]), head)
    return table


def sees(mask: Mask, i: int, j: int, n: int, open_: bool, head: int) -> bool:
    """Whether token i of a document of n tokens sees token j."""
    match mask:
        case And():
            return sees(mask.left, i, j, n, open_, head) and sees(mask.right, i, j, n, open_, head)
        case Or():
            return sees(mask.left, i, j, n, open_, head) or sees(mask.right, i, j, n, open_, head)
        case Full():
            return True
        case Causal():
            return j <= i
        case Prefix():
            return open_
        case Window():
            return _near(i - j, mask.left, mask.right)
        case Dilated():
            steps, rest = divmod(i - j, mask.step)
            return rest == 0 and _near(steps, mask.left, mask.right)
        case GlobalTokens():
            return min(i, j) < mask.n
        case LocalBlocks():
            return _near(_block(i, mask) - _block(j, mask), mask.left, mask.right)
        case BlockEnds():
            return j % mask.block in range(mask.block - mask.n, mask.block)
        case Strided():
            return abs(i - j) < mask.stride or (i - j) % mask.stride == 0
        case Fixed():
            return i // mask.block == j // mask.block or j % mask.block in range(mask.block - mask.summary, mask.block)
        case GlobalBlocks():
            blocks = -(-n // mask.block) if mask.blocks is None else mask.blocks
            return any(t // mask.block < mask.first or t // mask.block >= blocks - mask.last and mask.last > 0 for t in (i, j))
        case RandomBlocks():
            blocks = -(-(n - mask.start) // mask.block) if mask.plan is None else len(mask.plan[0])
            draws = _drawn(mask, max(blocks, 0)) if mask.plan is None else mask.plan
            own, other = _block(i, mask), _block(j, mask)
            return 0 <= own < len(draws[0]) and other in draws[head % len(draws)][own]
        case BigBird():
            return _bigbird(mask, i, j, n, head)
    raise AssertionError(mask)


def _bigbird(mask: BigBird, i: int, j: int, n: int, head: int) -> bool:
    own, other = (i - mask.extra) // mask.block, (j - mask.extra) // mask.block
    blocks = -(-(n - mask.extra) // mask.block) if mask.plan is None else len(mask.plan[0])
    if abs(own - other) <= mask.window // 2:
        return True
    if mask.extra and min(i, j) < mask.extra:
        return True
    if not mask.extra and ({own, other} & {0, blocks - 1}):
        return True
    if mask.plan is not None:
        return 0 <= own < blocks and other in mask.plan[head % len(mask.plan)][own]
    if mask.random == 0 or own < 0 or other < 0:
        return False
    random = RandomBlocks(block=1, n=mask.random, seed=mask.seed, heads=mask.heads, apart=mask.window // 2, edge=0 if mask.extra else 1)
    drawn = _drawn(random, blocks)
    return other in drawn[head % len(drawn)][own]


@functools.cache
def _drawn(mask: RandomBlocks, blocks: int) -> Draws:
    return mask.drawn(blocks)


def _block(i: int, mask: LocalBlocks | RandomBlocks) -> int:
    return (i - mask.start) // mask.block


def _near(distance: int, left: int | None, right: int | None) -> bool:
    return (left is None or distance <= left) and (right is None or -distance <= right)
