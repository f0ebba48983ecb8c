"""The corpus of a model that was imported: there is none."""

from __future__ import annotations

from pathlib import Path

from anyformer.data.cleaning import Pair
from anyformer.data.corpus import Corpus
from anyformer.errors import InputError, Problem
from anyformer.spec import spec


@spec
class Elsewhere(Corpus):
    """What the model has learned from is not here."""

    def read(self, data_dir: Path | None = None) -> dict[str, list[Pair]]:
        raise InputError(Problem("data.corpus", "this model was imported, and its texts were not; give texts of your own (--source FILE --target FILE)"))

    @property
    def title(self) -> str:
        return "texts that are not here (an imported model)"
