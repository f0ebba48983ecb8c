"""How tensors of another tool become ours, and back: each op has two exact inverses, `read` and `write`.

Shapes are those of weights; every op also works on tensors of the meta device, from which expected shapes are derived.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


class Op:
    """`read(write(ours)) == ours` and `write(read(theirs)) == theirs`, to the bit."""

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        raise NotImplementedError

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        raise NotImplementedError

    def spell(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Their names written out, where one of them stands for several (experts)."""
        return names

    def __rshift__(self, then: Op) -> Op:
        """`Transposed() >> Fused(sizes)`: first the one, on their side, then the other."""
        return Then(self, then)


@dataclass(frozen=True)
class Copy(Op):
    """The same tensor under another name."""

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        return theirs

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return ours


COPY = Copy()


@dataclass(frozen=True)
class Then(Op):
    """One op after the other."""

    first: Op
    second: Op

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        return self.second.read(self.first.read(theirs))

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return self.first.write(self.second.write(ours))

    def spell(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return self.first.spell(self.second.spell(names))


@dataclass(frozen=True)
class Transposed(Op):
    """Matrices stored [in, out] (GPT-2's Conv1D); vectors stay."""

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        return [t.t() if t.dim() == 2 else t for t in theirs]

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return self.read(ours)


@dataclass(frozen=True)
class Fused(Op):
    """One of theirs holds several of ours, one after the other: qkv, gate and up. `sizes`: rows of each."""

    sizes: tuple[int, ...]

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        return list(theirs[0].split(list(self.sizes)))

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return [torch.cat(ours)]


@dataclass(frozen=True)
class FusedByGroup(Op):
    """One of theirs holds query, key and value, key head by key head: [K, N/K + 2, H, ...] (BLOOM and NeoX: K = N; Falcon-7B: K = 1)."""

    n_heads: int
    n_kv_heads: int
    head_dim: int

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        group = self.n_heads // self.n_kv_heads
        heads = theirs[0].unflatten(0, (self.n_kv_heads, group + 2, self.head_dim))
        return [part.flatten(0, 2) for part in heads.split([group, 1, 1], dim=1)]

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return [torch.cat([part.unflatten(0, (self.n_kv_heads, -1, self.head_dim)) for part in ours], dim=1).flatten(0, 2)]


@dataclass(frozen=True)
class FusedByHead(Op):
    """One of theirs holds several of ours, head by head: [N, sum of sizes, ...] (DeepSeek's keys and values). `sizes`: rows of each in one head."""

    n_heads: int
    sizes: tuple[int, ...]

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        return [part.flatten(0, 1) for part in theirs[0].unflatten(0, (self.n_heads, -1)).split(list(self.sizes), dim=1)]

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return [torch.cat([part.unflatten(0, (self.n_heads, -1)) for part in ours], dim=1).flatten(0, 1)]


@dataclass(frozen=True)
class Stacked(Op):
    """Experts of their own tensors, `{e}` in the name, are one of ours: [E, ...]."""

    n_experts: int

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        return [torch.stack(theirs)]

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return list(ours[0].unbind())

    def spell(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.replace("{e}", str(e)) for name in names for e in range(self.n_experts))


@dataclass(frozen=True)
class Reshaped(Op):
    """The same numbers in another shape: BART's `final_logits_bias` [1, V] is our [V]."""

    theirs: Sequence[int]
    ours: Sequence[int]

    def read(self, theirs: list[Tensor]) -> list[Tensor]:
        return [t.reshape(tuple(self.ours)) for t in theirs]

    def write(self, ours: list[Tensor]) -> list[Tensor]:
        return [t.reshape(tuple(self.theirs)) for t in ours]
