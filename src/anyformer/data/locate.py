"""Where a named corpus's files lie: a folder that is named, `ANYFORMER_DATA`, the cache; else they are downloaded into the cache."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anyformer.data.lines import GZIP_MAGIC, read_bytes, unzip
from anyformer.errors import InputError, Problem

ENVIRONMENT = "ANYFORMER_DATA"
TIMEOUT = 30  # seconds without an answer
OTHER_CONTENT = "remove it, or use it as a corpus of your own: {kind: TextFiles, ...} or {kind: Tsv, ...}"


@dataclass(frozen=True)
class DataFile:
    """One file of a corpus: one sentence a line in one language, or columns of several languages."""

    split: str
    name: str
    languages: tuple[str, ...]  # of the columns
    sha256: str  # of the plain content
    url: str | None = None  # plain or gzip


def cache_dir() -> Path:
    """`anyformer` in XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "anyformer"


def data_folders(data_dir: Path | None = None) -> list[Path]:
    """The folders in which corpora are looked for, first the one named by the caller. InputError if that one is no folder."""
    if data_dir is not None and not data_dir.is_dir():
        raise InputError(Problem(str(data_dir), "is no folder; the data folder holds one folder for each corpus (multi30k/train.en)"))
    named = os.environ.get(ENVIRONMENT)
    return [folder for folder in (data_dir, Path(named) if named else None, cache_dir()) if folder is not None]


def find(corpus: str, file: DataFile, data_dir: Path | None = None) -> Path | None:
    """Where the file lies, plain or as `.gz`; None: nowhere. Not read yet."""
    for folder in data_folders(data_dir):
        for name in (file.name, f"{file.name}.gz"):
            if (folder / corpus / name).is_file():
                return folder / corpus / name
    return None


def fetch(corpus: str, files: Sequence[DataFile], by_hand: str, data_dir: Path | None = None) -> dict[DataFile, Path]:
    """Where each file lies; those that lie nowhere are downloaded into the cache.

    Raises:
        InputError: a file has another content than the published one, or is nowhere and cannot be had; says where to put which files.
    """
    places: dict[DataFile, Path] = {}
    missing: list[DataFile] = []
    wrong: list[Problem] = []
    for file in files:
        path = find(corpus, file, data_dir)
        if path is None:
            missing.append(file)
        elif digest(read_bytes(path)) != file.sha256:
            wrong.append(Problem(str(path), f"is not the published file of {corpus} (SHA-256 {file.sha256[:12]}...); {OTHER_CONTENT}"))
        else:
            places[file] = path
    if wrong:
        raise InputError(*wrong)
    for position, file in enumerate(missing):
        try:
            places[file] = download(corpus, file)
        except (OSError, ValueError, http.client.HTTPException, InputError) as error:
            raise InputError(_nowhere(corpus, missing[position:], by_hand, data_dir, error)) from None
    return places


def download(corpus: str, file: DataFile) -> Path:
    """Downloads one file into the cache: checked first, then put in its place, so that the cache never holds a part of one.

    Raises OSError or HTTPException (no network, no space), ValueError (no address, another content).
    """
    if file.url is None:
        raise ValueError("there is no address to download it from")
    print(f"downloading {file.url}", file=sys.stderr, flush=True)
    with urllib.request.urlopen(urllib.request.Request(file.url, headers={"User-Agent": "anyformer"}), timeout=TIMEOUT) as answer:
        data = answer.read()
    content = unzip(data, file.url) if data.startswith(GZIP_MAGIC) else data
    if digest(content) != file.sha256:
        raise ValueError(f"{file.url} gave {len(content):,} bytes of SHA-256 {digest(content)[:12]}..., not the published {file.sha256[:12]}...")
    folder = cache_dir() / corpus
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / file.name, content)
    return folder / file.name


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside the place and renames, so that the file is there whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _nowhere(corpus: str, missing: Sequence[DataFile], by_hand: str, data_dir: Path | None, error: Exception) -> Problem:
    names = ", ".join(file.name for file in missing)
    homes = " or ".join(str(folder / corpus) for folder in data_folders(data_dir))
    place = f"put them (plain or .gz) into {homes}, or set --data-dir or {ENVIRONMENT} to the folder that holds {corpus}/"
    if by_hand:
        return Problem(corpus, f"{names} not found; {place}. {by_hand}")
    reason = error.reason if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError) else error
    origin = " and ".join(sorted({f"{str(file.url).rpartition('/')[0]}/" for file in missing}))
    return Problem(corpus, f"{names} not found, and the download failed ({reason}); get them from {origin} and {place}")
