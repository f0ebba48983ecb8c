"""One tokenizer of each kind."""

from __future__ import annotations

import pytest
from text_examples import CORPUS, SCHEMES

from anyformer.text import Tokenizer


@pytest.fixture(scope="session")
def trained() -> dict[str, Tokenizer]:
    return {kind: scheme.train(CORPUS) for kind, scheme in SCHEMES.items()}
