"""Recipes by name: those of the package, and any file. Reads no more than text, so listing them is instant."""

from __future__ import annotations

from pathlib import Path

import anyformer
from anyformer.errors import InputError, Problem, nearest

FOLDER = Path(anyformer.__file__).resolve().parent / "recipes"


def packaged() -> dict[str, Path]:
    """Name -> file of every recipe that comes with the package."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def find(name: str) -> Path:
    """The file of the recipe `name`: a path, a run (its config.yaml), or a packaged name.

    Raises:
        InputError: there is none; the message gives the nearest packaged name.
    """
    path = Path(name)
    if path.is_file():
        return path
    if (path / "config.yaml").is_file():
        return path / "config.yaml"
    known = packaged()
    if path.stem in known and name in (path.stem, f"{path.stem}.yaml", f"recipes/{path.stem}.yaml"):
        return known[path.stem]
    raise InputError(Problem(name, f"there is no such recipe{nearest(path.stem, known)}; `anyformer recipes list` shows all"))


def read(path: Path) -> str:
    """The text of a recipe file.

    Raises:
        InputError: it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(Problem(str(path), f"is no text in UTF-8 (byte {error.start}); a recipe is a YAML file")) from None


def name_of(path: Path) -> str:
    """What runs of this recipe are called: the file's stem, or the recipe's own name where the file is a run's config.yaml."""
    if path.name == "config.yaml":
        return path.resolve().parent.name.rstrip("0123456789").rstrip("-") or "run"
    return path.stem


def summary(path: Path) -> str:
    """The first line of comment of a recipe, which says what it trains on what."""
    first = read(path).split("\n", 1)[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""
