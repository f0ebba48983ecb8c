"""Own corpora: two aligned text files, one TSV or one JSONL file; UTF-8, plain or gzip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from anyformer.data import locate
from anyformer.data.cleaning import Pair
from anyformer.data.corpus import Corpus, stripped
from anyformer.data.lines import read_all, read_lines
from anyformer.data.named import align
from anyformer.errors import InputError, Problem, nearest
from anyformer.spec import spec


@spec
class TextFiles(Corpus):
    """Two files aligned by line: line n of one is the translation of line n of the other."""

    source: str  # path
    target: str  # path

    files: ClassVar[tuple[str, ...]] = ("source", "target")

    def read(self, data_dir: Path | None = None) -> dict[str, list[Pair]]:
        paths = resolve(self.source, data_dir), resolve(self.target, data_dir)
        source, target = read_all(*paths)
        return {"train": stripped(align((paths[0], source), (paths[1], target)))}

    @property
    def title(self) -> str:
        return f"{self.source} and {self.target}"

    @property
    def languages(self) -> tuple[str | None, str | None]:
        return _language(self.source), _language(self.target)


@spec
class Tsv(Corpus):
    """One file with columns parted by tabs. Columns have numbers (the first is 1; there is no header), or names from the first line."""

    path: str
    source: int | str = 1  # column
    target: int | str = 2  # column

    files: ClassVar[tuple[str, ...]] = ("path",)

    def problems(self) -> Iterator[tuple[str, str]]:
        for field in ("source", "target"):
            column = getattr(self, field)
            if isinstance(column, int) and column < 1:
                yield field, f"columns are counted from 1; got {column}"
        if isinstance(self.source, int) != isinstance(self.target, int):
            yield "target", f"give both columns by number or both by name; got {self.source!r} and {self.target!r}"
        if self.source == self.target:
            yield "target", f"is the source's column too ({self.target!r})"

    def read(self, data_dir: Path | None = None) -> dict[str, list[Pair]]:
        path = resolve(self.path, data_dir)
        lines = read_lines(path)
        first = 1
        if isinstance(self.source, int) and isinstance(self.target, int):
            columns = self.source - 1, self.target - 1
        else:
            columns = self._named_columns(path, lines[0].split("\t"))
            lines, first = lines[1:], 2
        pairs: list[Pair] = []
        for number, line in enumerate(lines, first):
            cells = line.split("\t") if line.strip() else [""] * (max(columns) + 1)
            if len(cells) <= max(columns):
                asked = max(columns) + 1
                raise InputError(Problem(f"{path}:{number}", f"ends after column {len(cells)}, and column {asked} is asked for; columns are parted by tabs"))
            pairs.append((cells[columns[0]], cells[columns[1]]))
        return {"train": stripped(pairs)}

    def _named_columns(self, path: Path, header: list[str]) -> tuple[int, int]:
        names = [cell.strip() for cell in header]
        unknown = [name for name in (self.source, self.target) if name not in names]
        if unknown:
            raise InputError(*(Problem(f"{path}:1", f"has no column '{name}'{nearest(str(name), names)}") for name in unknown))
        return names.index(str(self.source)), names.index(str(self.target))

    @property
    def title(self) -> str:
        return f"{self.path}, columns {self.source} and {self.target}"


@spec
class Jsonl(Corpus):
    """One file with a JSON object a line. A dot leads into an object: `translation.en`."""

    path: str
    source: str = "source"  # field
    target: str = "target"  # field

    files: ClassVar[tuple[str, ...]] = ("path",)

    def read(self, data_dir: Path | None = None) -> dict[str, list[Pair]]:
        path = resolve(self.path, data_dir)
        pairs: list[Pair] = []
        for number, line in enumerate(read_lines(path), 1):
            record = self._record(line, f"{path}:{number}") if line.strip() else {self.source: "", self.target: ""}
            pairs.append((_text(record, self.source, f"{path}:{number}"), _text(record, self.target, f"{path}:{number}")))
        return {"train": stripped(pairs)}

    @staticmethod
    def _record(line: str, where: str) -> dict[str, Any]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(Problem(where, f"is no JSON: {error}")) from None
        if not isinstance(record, dict):
            raise InputError(Problem(where, 'is no JSON object; each line must look like {"source": "...", "target": "..."}'))
        return record

    @property
    def title(self) -> str:
        return f"{self.path}, fields {self.source} and {self.target}"


def resolve(path: str, data_dir: Path | None) -> Path:
    """Where a path of a recipe lies: as it stands, or, if it is relative and not there, below one of the data folders."""
    here = Path(path).expanduser()
    if here.is_absolute() or here.exists():
        return here
    return next((folder / here for folder in locate.data_folders(data_dir) if (folder / here).exists()), here)


def _text(record: dict[str, Any], field: str, where: str) -> str:
    value: Any = record.get(field)
    if field not in record:
        value = record
        for name in field.split("."):
            if not isinstance(value, dict) or name not in value:
                raise InputError(Problem(where, f"has no field '{field}'{nearest(field, record)}"))
            value = value[name]
    if not isinstance(value, str):
        raise InputError(Problem(where, f"field '{field}' is no text: {value!r:.80}"))
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise InputError(Problem(where, f"field '{field}' holds half of a character (a lone \\ud8xx escape), which no UTF-8 text can"))
    return value


def _language(path: str) -> str | None:
    suffix = Path(path.removesuffix(".gz")).suffix.removeprefix(".")
    return suffix if len(suffix) in (2, 3) and suffix.islower() and suffix not in ("txt", "tok", "bpe", "tsv", "src", "tgt", "trg", "raw") else None
