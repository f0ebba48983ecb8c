"""`Objective`: text in, example out. It knows no model, but says what a model must have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from anyformer.batch import Batch
from anyformer.errors import ConfigError, Problem
from anyformer.spec import Spec

if TYPE_CHECKING:
    from anyformer.text import Tokenizer


class Example(NamedTuple):
    """One training example as token ids; `lengths` of a bound objective says how many positions it takes."""

    source: list[int]  # what the encoder reads, end of sentence included
    target: list[int]  # what is to be written, without begin and end of sentence


class BoundObjective(Protocol):
    """An objective that knows its tokenizers and how long an example may be."""

    @property
    def max_length(self) -> int | None: ...  # positions a side; None: no limit

    def example(self, pair: tuple[str, str]) -> Example: ...

    def examples(self, pairs: Sequence[tuple[str, str]]) -> list[Example]: ...

    def lengths(self, example: Example) -> tuple[int, ...]: ...

    def cut(self, example: Example) -> Example: ...

    def collate(self, examples: Sequence[Example], draw: int = 0) -> Batch: ...  # draw: a number for what is random in it


class Objective(Spec):
    """A menu of objectives. `bind` gives the one that makes examples."""

    requires: ClassVar[tuple[str, ...]] = ()  # parts of a Model.Config that must be there
    excludes: ClassVar[tuple[str, ...]] = ()  # parts that must not

    def bind(self, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer, max_length: int | None = None) -> BoundObjective:
        raise NotImplementedError

    @classmethod
    def fits(cls, model: Any) -> bool:
        """Whether a Model.Config has the parts that this objective requires, and no more."""
        return all(getattr(model, part, None) is not None for part in cls.requires) and all(getattr(model, part, None) is None for part in cls.excludes)

    def misfits(self, model: Any) -> list[Problem]:
        """What a Model.Config lacks for this objective; empty: it fits. To be asked before step 1."""
        fitting = [kind for kind, other in Objective.menu().items() if other.fits(model)]
        way = f"; take objective: {' or '.join(fitting)}" if fitting else ""
        missing = [part for part in self.requires if getattr(model, part, None) is None]
        needs = " and ".join(self.requires)
        found = [Problem(f"model.{part}", f"the objective {self.kind()} needs a model with {needs}; this one has no {part}{way}") for part in missing]
        over = [part for part in self.excludes if getattr(model, part, None) is not None]
        return found + [
            Problem(f"model.{part}", f"the objective {self.kind()} is for a model of one stack; this one has {_article(part)} too{way}") for part in over
        ]


def _article(part: str) -> str:
    return f"an {part}" if part[0] in "aeiou" else f"a {part}"


def one_vocabulary(objective: Objective, source: Tokenizer, target: Tokenizer) -> None:
    """Raises a ConfigError where the two sides of a pair, which one stack reads, have vocabularies of their own."""
    if source is not target:
        raise ConfigError(Problem("tokenizer.joint", f"{objective.kind()} reads both sides in one stream, so they share a vocabulary; set joint to true"))
