"""Where sentence pairs come from: the menu of the recipe's `data.corpus`.

    corpus: {kind: Named, name: multi30k, source: en, target: fr}
    corpus: {kind: TextFiles, source: train.en.gz, target: train.fr.gz}
    corpus: {kind: Tsv, path: pairs.tsv, source: 1, target: 2}
    corpus: {kind: Jsonl, path: pairs.jsonl, source: translation.en, target: translation.fr}

Files are UTF-8, plain or gzip. A relative path is looked for here, then in the data folders.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from anyformer.data import named
from anyformer.data.cleaning import Pair
from anyformer.errors import nearest
from anyformer.spec import Spec, spec


class Source(Spec):
    """What a split can be made from: a corpus of its own, or a part held out of the training pairs."""


@spec
class HeldOut(Source):
    """A part of the training pairs, chosen by a hash of the source sentence: the same sentences whatever else the corpus holds."""

    share: float = 0.02  # of the distinct source sentences, 0 to 1
    at_most: int = 2000  # pairs

    def problems(self) -> Iterator[tuple[str, str]]:
        if not 0 < self.share < 1:
            yield "share", f"must lie between 0 and 1; got {self.share}"
        if self.at_most < 1:
            yield "at_most", f"must be at least 1; got {self.at_most}"


class Corpus(Source):
    """A menu of corpora. `read` gives all pairs of each split it knows; own files know only `train`."""

    files: ClassVar[tuple[str, ...]] = ()  # the fields that are paths

    def read(self, data_dir: Path | None = None) -> dict[str, list[Pair]]:
        """Split name (train, validation, test) -> pairs, as they stand but for outer whitespace. Raises InputError."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """One line that says which corpus this is."""
        raise NotImplementedError

    @property
    def languages(self) -> tuple[str | None, str | None]:
        """Language codes of source and target where they are known."""
        return None, None


@spec
class Named(Corpus):
    """A corpus that anyformer knows by name; `anyformer data list` shows them."""

    name: str  # phrasebook, multi30k or tatoeba-en-zh
    source: str = "en"  # language code
    target: str = "fr"  # language code

    def problems(self) -> Iterator[tuple[str, str]]:
        info = named.CORPORA.get(self.name)
        if info is None:
            yield "name", f"no corpus is called '{self.name}'{nearest(self.name, named.CORPORA)}"
            return
        for field in ("source", "target"):
            if getattr(self, field) not in info.languages:
                yield field, f"{self.name} has no language '{getattr(self, field)}'; it has {', '.join(info.languages)}"
        if self.source == self.target:
            yield "target", f"is the source language too ('{self.target}'); {self.name} has {', '.join(info.languages)}"

    def read(self, data_dir: Path | None = None) -> dict[str, list[Pair]]:
        return {split: stripped(pairs) for split, pairs in named.CORPORA[self.name].read(self.source, self.target, data_dir).items()}

    @property
    def title(self) -> str:
        return f"{self.name} {self.source}-{self.target}"

    @property
    def languages(self) -> tuple[str | None, str | None]:
        return self.source, self.target


def stripped(pairs: list[Pair]) -> list[Pair]:
    """Pairs without white space around them."""
    return [(source.strip(), target.strip()) for source, target in pairs]
