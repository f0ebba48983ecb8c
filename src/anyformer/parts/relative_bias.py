"""T5's relative bias (Raffel et al. 2020, section 2.1): one learned number for each head and range of distances.

    bias = table[bucket(j - i), head]

Dimensions: B rows (1 where all rows agree), T queries i, S keys j, N heads.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anyformer.parts.attention_position import AttentionPosition, offsets
from anyformer.parts.place import Place
from anyformer.spec import spec

if TYPE_CHECKING:
    from anyformer.parts.init import Init


class RelativeBias(AttentionPosition):
    """Half of the buckets hold one distance each, the others ever more, as the logarithm goes, up to `max_distance`; the last holds all beyond.

    bidirectional: keys after the query have the upper half of the buckets for themselves; otherwise they count as at distance 0, for decoders,
    where nobody sees them. per "stack": the layers share one table (T5); "layer": each has its own (UMT5, GLaM).
    """

    uses: ClassVar[frozenset[str]] = frozenset({"bias"})

    @spec
    class Config(AttentionPosition.Config):
        n_buckets: int = 32
        max_distance: int = 128
        bidirectional: bool = True
        per: Literal["stack", "layer"] = "stack"

        def problems(self) -> Iterator[tuple[str, str]]:
            least = 4 if self.bidirectional else 2
            if self.n_buckets < least or (self.bidirectional and self.n_buckets % 2):
                yield "n_buckets", f"must be {'an even number of ' if self.bidirectional else ''}at least {least}, not {self.n_buckets}; T5 has 32"
            elif self.max_distance <= self.one_each:
                yield "max_distance", f"must be above {self.one_each}, the distances that have a bucket each, not {self.max_distance}; T5 has 128"

        @property
        def one_each(self) -> int:
            """How many distances, from 0, have a bucket of their own."""
            return (self.n_buckets // 2 if self.bidirectional else self.n_buckets) // 2

    def __init__(self, config: Config, d_model: int, n_heads: int, head_dim: int):
        super().__init__()
        self.bidirectional, self.one_each = config.bidirectional, config.one_each
        self.side = config.n_buckets // 2 if config.bidirectional else config.n_buckets  # buckets in one direction
        self.starts = _starts(self.side, config.max_distance)
        self.weight = nn.Parameter(torch.zeros(config.n_buckets, n_heads))

    def initialize(self, init: Init) -> None:
        init.matrix(self.weight)

    def bucket(self, offset: Tensor) -> Tensor:
        """The bucket of each j - i."""
        distance = offset.abs() if self.bidirectional else (-offset).clamp(min=0)
        starts = torch.tensor(self.starts, dtype=torch.int64, device=offset.device)
        bucket = torch.where(distance < self.one_each, distance, torch.bucketize(distance, starts, right=True) + self.one_each)
        return bucket + self.side * (offset > 0) if self.bidirectional else bucket

    def bias(self, q: Place, k: Place) -> Tensor:
        bucket = self.bucket(offsets(q, k))  # [1|B, T, S]
        if bucket.device.type != "cpu":
            return F.embedding(bucket, self.weight).permute(0, 3, 1, 2)
        chosen = self.weight.t().index_select(1, bucket.flatten())  # heads first: 1.7 ms against 15 for 512 x 512 of 12 heads
        return chosen.unflatten(1, bucket.shape).transpose(0, 1)


def _starts(n: int, max_distance: int) -> list[int]:
    """The first distance of each bucket but the first one that holds several.

    Of n buckets, e = n // 2 hold one distance each. A distance d lies floor((n - e) ln(d / e) / ln(max_distance / e)) buckets on from there:
    at least b where d^(n - e) e^b >= e^(n - e) max_distance^b, in whole numbers, so that no rounding of logarithms decides.
    """
    each, several = n // 2, n - n // 2

    def reaches(distance: int, b: int) -> bool:
        return distance**several * each**b >= each**several * max_distance**b

    return [bisect.bisect_left(range(max_distance), True, key=lambda d, b=b: reaches(d, b)) for b in range(1, several)]  # type: ignore[misc]
