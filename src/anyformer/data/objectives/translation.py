"""Translation: the encoder reads the source, the decoder writes the target (Vaswani et al. 2017, section 3).

B rows, S positions of the source, T of the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from anyformer.batch import Batch, pad
from anyformer.data.objectives.base import Example, Objective
from anyformer.spec import spec

if TYPE_CHECKING:
    from anyformer.text import Tokenizer


@spec
class Translation(Objective):
    """A source sentence in, a target sentence out."""

    requires: ClassVar[tuple[str, ...]] = ("encoder", "decoder")

    def bind(self, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer, max_length: int | None = None) -> BoundTranslation:
        """The objective on these tokenizers; `max_length` in positions a side, begin or end of sentence included."""
        return BoundTranslation(source_tokenizer, target_tokenizer, max_length)


@dataclass(frozen=True)
class BoundTranslation:
    """Makes examples of pairs and batches of examples."""

    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    max_length: int | None = None

    def example(self, pair: tuple[str, str]) -> Example:
        """A pair as ids, however long it is."""
        return Example(self.source_tokenizer.encode(pair[0]) + [self.source_tokenizer.eos_id], self.target_tokenizer.encode(pair[1]))

    def examples(self, pairs: Sequence[tuple[str, str]]) -> list[Example]:
        """As `example`, many at once: faster."""
        sources = self.source_tokenizer.encode_batch([source for source, _ in pairs])
        targets = self.target_tokenizer.encode_batch([target for _, target in pairs])
        end = [self.source_tokenizer.eos_id]
        return [Example(source + end, target) for source, target in zip(sources, targets, strict=True)]

    def lengths(self, example: Example) -> tuple[int, ...]:
        """Positions it takes in a batch: of the source, of the target (one more than its tokens)."""
        return len(example.source), len(example.target) + 1

    def cut(self, example: Example) -> Example:
        """The beginning of an example, so that it fits `max_length`; the source still ends with its end of sentence."""
        limit = self.max_length
        if limit is None or max(self.lengths(example)) <= limit:
            return example
        source = example.source if len(example.source) <= limit else example.source[: limit - 1] + [self.source_tokenizer.eos_id]
        return Example(source, example.target[: limit - 1])

    def collate(self, examples: Sequence[Example], draw: int = 0) -> Batch:
        """A batch: tokens [B, T] = begin of sentence and target, targets [B, T] = target and end of sentence, source [B, S]; padded on the right."""
        begin, end, fill = self.target_tokenizer.bos_id, self.target_tokenizer.eos_id, self.target_tokenizer.pad_id
        tokens, segments = pad([[begin, *e.target] for e in examples], fill)
        targets, _ = pad([[*e.target, end] for e in examples], fill)
        source, source_segments = pad([e.source for e in examples], self.source_tokenizer.pad_id)
        return Batch(
            tokens=tokens,
            targets=targets,
            weights=torch.ones(tokens.shape) if segments is None else segments.float(),
            segments=segments,
            source=source,
            source_segments=source_segments,
            padding="none" if segments is None else "right",
            source_padding="none" if source_segments is None else "right",
        )
