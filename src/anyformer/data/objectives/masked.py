"""Masked language modelling: an encoder fills in words that were hidden (Devlin et al. 2019, section 3.1).

B rows, T positions of source, end of sentence, target, end of sentence.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from anyformer.batch import Batch, pad
from anyformer.data.objectives.base import Example, Objective, one_vocabulary
from anyformer.data.objectives.translation import BoundTranslation
from anyformer.spec import spec

if TYPE_CHECKING:
    from anyformer.text import Tokenizer

MASKS = ("<mask>", "[MASK]")  # special tokens of imported tokenizers; where there is none, as in our own, the unknown piece hides words


@spec
class MaskedLM(Objective):
    """A share of the tokens is chosen; of these most are hidden, some exchanged, some left, and all are to be predicted."""

    share: float = 0.15  # of the tokens that are to be predicted
    hidden: float = 0.8  # of these, replaced by the mask
    exchanged: float = 0.1  # of these, replaced by any token; the rest stay

    requires: ClassVar[tuple[str, ...]] = ("encoder",)
    excludes: ClassVar[tuple[str, ...]] = ("decoder",)

    def problems(self) -> Iterator[tuple[str, str]]:
        if not 0 < self.share < 1:
            yield "share", f"must lie between 0 and 1; got {self.share}"
        for name in ("hidden", "exchanged"):
            if not 0 <= getattr(self, name) <= 1:
                yield name, f"is a share, from 0 to 1; got {getattr(self, name)}"
        if self.hidden + self.exchanged > 1:
            yield "exchanged", f"hidden and exchanged are shares of one whole; {self.hidden} and {self.exchanged} are more than 1"

    def bind(self, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer, max_length: int | None = None) -> BoundMasked:
        one_vocabulary(self, source_tokenizer, target_tokenizer)
        return BoundMasked(source_tokenizer, target_tokenizer, max_length, self)


@dataclass(frozen=True)
class BoundMasked(BoundTranslation):
    """Hides words anew each time: what is hidden is a function of the text and the draw."""

    objective: MaskedLM = MaskedLM()

    def example(self, pair: tuple[str, str]) -> Example:
        return self.examples([pair])[0]

    def examples(self, pairs: Sequence[tuple[str, str]]) -> list[Example]:
        """Before the source stands what an imported model has seen before each text, BERT's [CLS]; nothing for our own."""
        begin, plain = self.source_tokenizer.begin, super().examples(pairs)
        return [Example([*begin, *e.source], e.target) for e in plain]

    def lengths(self, example: Example) -> tuple[int, ...]:
        return (len(example.source) + len(example.target) + 1,)

    def cut(self, example: Example) -> Example:
        limit = self.max_length
        if limit is None or max(self.lengths(example)) <= limit:
            return example
        source = example.source if len(example.source) < limit else [*example.source[: limit - 2], self.source_tokenizer.eos_id]
        return Example(source, example.target[: limit - len(source) - 1])

    def collate(self, examples: Sequence[Example], draw: int = 0) -> Batch:
        """tokens [B, T] with holes, targets [B, T] whole, weights [B, T] 1 where a token was chosen; token types 0 source, 1 target."""
        tokenizer = self.target_tokenizer
        rows = [[*e.source, *e.target, tokenizer.eos_id] for e in examples]
        whole, segments = pad(rows, tokenizer.pad_id)
        generator = torch.Generator().manual_seed(zlib.crc32(whole.numpy().tobytes(), draw & 0xFFFFFFFF))
        real = torch.ones_like(whole, dtype=torch.bool) if segments is None else segments.bool()
        marks = torch.tensor([tokenizer.eos_id, *tokenizer.begin])
        words = real & ~torch.isin(whole, marks)
        chosen = words & (torch.rand(whole.shape, generator=generator) < self.objective.share)
        at = torch.arange(whole.shape[1])
        first = words & (at == words.int().argmax(1, keepdim=True))
        chosen |= first & ~chosen.any(1, keepdim=True)  # a row in which none was chosen would teach nothing
        fate = torch.rand(whole.shape, generator=generator)
        mask = next((i for i in map(tokenizer.id, MASKS) if i is not None), tokenizer.unk_id)
        tokens = whole.masked_fill(chosen & (fate < self.objective.hidden), mask)
        others = torch.randint(tokenizer.unk_id + 1, tokenizer.vocab_size, whole.shape, generator=generator)
        tokens = torch.where(chosen & (fate >= 1 - self.objective.exchanged), others, tokens)
        begins = torch.tensor([len(e.source) for e in examples]).unsqueeze(1)
        return Batch(
            tokens=tokens,
            targets=whole,
            weights=chosen.float(),
            segments=segments,
            token_types=(at >= begins).long(),
            padding="none" if segments is None else "right",
        )
