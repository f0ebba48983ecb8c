"""Language modelling: a decoder reads a pair as one stream, source, end of sentence, target, and predicts the next token.

B rows, T positions of the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from anyformer.batch import Batch, pad
from anyformer.data.objectives.base import Example, Objective, one_vocabulary
from anyformer.data.objectives.translation import BoundTranslation
from anyformer.spec import spec

if TYPE_CHECKING:
    from anyformer.text import Tokenizer


@spec
class CausalLM(Objective):
    """Every token is predicted from those before it (Radford et al. 2018, equation 1)."""

    requires: ClassVar[tuple[str, ...]] = ("decoder",)
    excludes: ClassVar[tuple[str, ...]] = ("encoder",)

    def bind(self, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer, max_length: int | None = None) -> BoundLanguage:
        one_vocabulary(self, source_tokenizer, target_tokenizer)
        return BoundLanguage(source_tokenizer, target_tokenizer, max_length, of_source=1.0)


@spec
class PrefixLM(Objective):
    """The source is an open prefix, which a prefix decoder sees from everywhere; only the target is predicted (Raffel et al. 2020, section 3.2.1)."""

    requires: ClassVar[tuple[str, ...]] = ("decoder",)
    excludes: ClassVar[tuple[str, ...]] = ("encoder",)

    def bind(self, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer, max_length: int | None = None) -> BoundLanguage:
        one_vocabulary(self, source_tokenizer, target_tokenizer)
        return BoundLanguage(source_tokenizer, target_tokenizer, max_length, of_source=0.0)


@dataclass(frozen=True)
class BoundLanguage(BoundTranslation):
    """Makes streams of pairs. `of_source`: the weight of predicting the source's tokens."""

    of_source: float = 0.0

    def lengths(self, example: Example) -> tuple[int, ...]:
        """Positions it takes: source and target together."""
        return (len(example.source) + len(example.target),)

    def cut(self, example: Example) -> Example:
        """The beginning of an example; the source still ends with its end of sentence."""
        limit = self.max_length
        if limit is None or max(self.lengths(example)) <= limit:
            return example
        source = example.source if len(example.source) < limit else [*example.source[: limit - 2], self.source_tokenizer.eos_id]
        return Example(source, example.target[: limit - len(source)])

    def collate(self, examples: Sequence[Example], draw: int = 0) -> Batch:
        """tokens [B, T] = source and target, targets [B, T] = the same, one earlier, and the end of sentence; padded on the right."""
        end, fill = self.target_tokenizer.eos_id, self.target_tokenizer.pad_id
        tokens, segments = pad([[*e.source, *e.target] for e in examples], fill)
        targets, _ = pad([[*e.source[1:], *e.target, end] for e in examples], fill)
        begins = torch.tensor([len(e.source) for e in examples]).unsqueeze(1)
        at = torch.arange(tokens.shape[1])
        weights = torch.where(at >= begins - 1, 1.0, self.of_source)
        return Batch(
            tokens=tokens,
            targets=targets,
            weights=weights if segments is None else weights * segments,
            segments=segments,
            prefix=at < begins,
            padding="none" if segments is None else "right",
        )
