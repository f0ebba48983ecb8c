"""`Sampler`: a pure function from (seed, step) to the batch of the whole run.

Batches hold examples of about one length. Examples are ordered by their longer side and taken a few batches' worth at a
time; these are ordered by the side that is shorter on average and cut into batches. Equals are shuffled anew each epoch,
and so are the batches. How many examples a batch takes depends on the lengths alone, not on the draw: every epoch has the
same number of batches, so any step is found without looking at those before it.

Real positions with BPE of 9,537 pieces and 4,096 tokens a side, on Multi30k EN-FR, EN-DE and Tatoeba EN-ZH: as it is
95.4 %, 94.5 %, 91.9 %; without the second order 92.3 %, 93.1 %, 85.2 %; with it over twice as many batches at a time
95.6 %, 94.0 %, 92.2 %, and more steps. Noise of two tokens on the lengths mixes more, and costs 3 points.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from anyformer.errors import InputError, Problem, counted

Lengths = np.ndarray | Sequence[Sequence[int]]  # [N, sides]
TOGETHER = 4  # batches that are ordered by the shorter side together


class Sampler:
    """Batches of at most `tokens_per_batch` positions a side, padding included; steps count from 0.

    Args:
        lengths: [N, sides], positions of each example on each side.
        tokens_per_batch: of the whole run's batch, all processes together.
        seed: another seed gives another order.
        lengths_in: gives the lengths in an epoch, where they change from one to the next as BPE-dropout's do. How many examples a batch takes stays as
            planned for `lengths`, so that a batch may take a little more than its budget where many have become longer.

    Raises:
        InputError: an example is longer than a batch (drop or cut it first), or all examples do not fill one batch.
    """

    def __init__(self, lengths: Lengths, tokens_per_batch: int, seed: int, lengths_in: Callable[[int], Lengths] | None = None):
        self.lengths = _as_array(lengths)
        self.tokens_per_batch = tokens_per_batch
        self.seed = seed
        self._lengths_in = lengths_in
        longer = self.lengths.max(1, initial=0)  # [N]
        n, longest = len(longer), int(longer.max(initial=0))
        if n == 0:
            raise InputError(Problem("data.corpus", "has no examples"))
        if longest > tokens_per_batch:
            raise InputError(Problem("data.batch_tokens", f"the longest example takes {longest:,} tokens, a batch {tokens_per_batch:,}; lower data.max_length"))
        if n * longest < tokens_per_batch:
            small = (
                f"is smaller than one batch: {counted(n, 'example')} of at most {longest} tokens, and a batch takes {tokens_per_batch:,} (data.batch_tokens)"
            )
            raise InputError(Problem("data.corpus", f"{small}; add data, or set data.batch_tokens to {n * longest} or less"))
        self._short_side = int(self.lengths.sum(0).argmin())
        self._ends, self._group = _even_plan(np.sort(longer)[::-1], tokens_per_batch)
        self._epochs: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    @property
    def batches_in_epoch(self) -> int:
        return len(self._ends) - 1

    @property
    def fingerprint(self) -> str:
        """Equal for samplers that give the same batches: of lengths, budget and seed."""
        head = f"{self.tokens_per_batch} {self.seed} {self.lengths.shape} ".encode()
        return hashlib.sha256(head + self.lengths.tobytes()).hexdigest()[:16]

    def epoch(self, step: int) -> int:
        """The epoch in which the step lies, counted from 0."""
        return step // self.batches_in_epoch

    def indices(self, step: int) -> list[int]:
        """The examples of the whole run's batch."""
        if step < 0:
            raise ValueError(f"steps count from 0; got {step}")
        epoch, at = divmod(step, self.batches_in_epoch)
        examples, batches = self._draw(epoch)
        batch = batches[at]
        return examples[self._ends[batch] : self._ends[batch + 1]].tolist()

    def share(self, step: int, rank: int = 0, world: int = 1) -> list[int]:
        """The part of `indices(step)` of one of `world` processes; together they make the whole batch. Empty where there are more processes than examples."""
        if not 0 <= rank < world:
            raise ValueError(f"rank must lie in 0 to {world - 1}; got {rank}")
        return self.indices(step)[rank::world]

    def _draw(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """(order of the examples [N], order of the batches). The last two epochs are remembered: drawing one sorts all examples."""
        if epoch not in self._epochs:
            lengths = self.lengths if self._lengths_in is None else _as_array(self._lengths_in(epoch))
            ties = noise(self.seed, epoch, 0, len(lengths))
            by_longer = np.lexsort((ties, -lengths.max(1)))
            examples = by_longer[np.lexsort((ties[by_longer], lengths[by_longer, self._short_side], self._group))]
            batches = np.argsort(noise(self.seed, epoch, 1, self.batches_in_epoch), kind="stable")
            while len(self._epochs) > 1:
                self._epochs.pop(next(iter(self._epochs)))
            self._epochs[epoch] = examples, batches
        return self._epochs[epoch]


def evaluation_batches(lengths: Lengths, tokens: int) -> list[list[int]]:
    """All examples once, the longest first, in batches of at most `tokens` positions a side; one that is longer has a batch of its own."""
    array = _as_array(lengths)
    longer = array.max(1, initial=0)
    order = np.lexsort((-array.sum(1), -longer))
    ends, _ = _plan(longer[order], tokens, together=1)
    return [order[start:end].tolist() for start, end in zip(ends, ends[1:], strict=False)]


def real_share(lengths: Lengths, batches: Sequence[Sequence[int]]) -> float:
    """The part of all positions in these batches, on all sides, that are not padding."""
    array = _as_array(lengths)
    return sum(int(array[b].sum()) for b in batches) / sum(len(b) * int(array[b].max(0).sum()) for b in batches)


def _plan(ordered: np.ndarray, tokens: int, together: int) -> tuple[list[int], np.ndarray]:
    """For lengths in falling order: where batches end ([0, end of the first, ..., N]), and the number of the group [N] that each place belongs to.

    A group is at most `together` batches of equal size, which its first and longest example allows.
    """
    ends = [0]
    group = np.zeros(len(ordered), dtype=np.int64)
    number = 0
    while (start := ends[-1]) < len(ordered):
        rows = max(1, tokens // max(1, int(ordered[start])))
        size = min(len(ordered) - start, together * rows)
        batches = -(-size // rows)
        ends += [start + size * (at + 1) // batches for at in range(batches)]
        group[start : start + size] = number
        number += 1
    return ends, group


def _even_plan(ordered: np.ndarray, tokens: int) -> tuple[list[int], np.ndarray]:
    """The plan with the smallest budget that needs no more batches: no small batch is left over at the end."""
    best = _plan(ordered, tokens, TOGETHER)
    low, high = int(ordered[0]), tokens
    while low < high:
        middle = (low + high) // 2
        plan = _plan(ordered, middle, TOGETHER)
        if len(plan[0]) <= len(best[0]):
            best, high = plan, middle
        else:
            low = middle + 1
    return best


def _as_array(lengths: Lengths) -> np.ndarray:
    array = np.asarray(lengths, dtype=np.int64)
    return array if array.ndim == 2 else array[:, None]


def noise(seed: int, epoch: int, use: object, n: int) -> np.ndarray:
    """[n] uint64 of its own for each (seed, epoch, use), the same on every machine."""
    return splitmix64(int.from_bytes(hashlib.blake2b(f"{seed} {epoch} {use}".encode(), digest_size=8).digest(), "big"), n)


def splitmix64(state: int, n: int) -> np.ndarray:
    """[n] uint64, the same on every machine and with every library version (Steele, Lea and Flood 2014)."""
    z = np.uint64(state) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
