"""What all tests share: where the big corpora lie, and one thread for each test process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


def corpus_folder(name: str) -> Path:
    """The folder of a big corpus; skips the test where ANYFORMER_DATA does not hold it."""
    base = os.environ.get("ANYFORMER_DATA")
    if not base or not (Path(base) / name).is_dir():
        pytest.skip(f"needs the corpus {name}, which ANYFORMER_DATA does not hold")
    return Path(base) / name


@pytest.fixture
def multi30k() -> Path:
    return corpus_folder("multi30k")


@pytest.fixture
def tatoeba() -> Path:
    return corpus_folder("tatoeba-en-zh")
