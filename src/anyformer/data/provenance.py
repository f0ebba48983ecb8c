"""Which files a run's data came from: where they lie wherever one stands, and what was in them."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anyformer.data.config import DataConfig
from anyformer.data.corpus import Corpus
from anyformer.data.own_files import resolve


def located(config: DataConfig, data_dir: Path | None = None) -> DataConfig:
    """The same data with absolute paths, so that a run finds them from any working folder."""
    changed: dict[str, Any] = {}
    for part, corpus in _corpora(config):
        paths = {field: os.path.abspath(resolve(getattr(corpus, field), data_dir)) for field in corpus.files}
        changed[part] = dataclasses.replace(corpus, **paths)  # type: ignore[type-var]
    return dataclasses.replace(config, **changed)


def file_digests(config: DataConfig) -> dict[str, dict[str, Any]]:
    """Key of the recipe (`data.corpus.source`) -> path, bytes and SHA-256 of each own file, as it lies there; named corpora have published checksums."""
    return {f"data.{part}.{field}": _digest(getattr(corpus, field)) for part, corpus in _corpora(config) for field in corpus.files}


def _corpora(config: DataConfig) -> Iterator[tuple[str, Corpus]]:
    for part in ("corpus", "validation", "test"):
        corpus = getattr(config, part)
        if isinstance(corpus, Corpus):
            yield part, corpus


def _digest(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {"path": path, "bytes": file.tell(), "sha256": sha256}
