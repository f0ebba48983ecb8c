"""The corpora known by name: their files, checksums, licences and homes.

Checksums are of the plain text, so that a file may lie there as it is or as `.gz`. A file that lies in a data folder
under its name but holds something else is refused: figures that name a corpus must mean that corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyformer.data import locate
from anyformer.data.cleaning import Pair
from anyformer.data.lines import read_lines
from anyformer.errors import InputError, Problem, counted


@dataclass(frozen=True)
class NamedCorpus:
    """A corpus with training, validation and test part, from files or from a generator."""

    name: str
    description: str
    languages: tuple[str, ...]  # any of them into any other; the first into the second where nothing is said
    licence: str
    home: str
    files: tuple[locate.DataFile, ...] = ()
    by_hand: str = ""  # how to get the files where they cannot be downloaded as they are
    generate: Callable[[str, str], Sequence[Sequence[Pair]]] | None = None
    contents: Callable[[], dict[str, Any]] | None = None  # what is in it, counted

    def read(self, source: str, target: str, data_dir: Path | None = None) -> dict[str, list[Pair]]:
        """All pairs of the splits. Files are looked for, then downloaded; InputError says where they should be."""
        if self.generate is not None:
            return {split: list(pairs) for split, pairs in zip(SPLITS, self.generate(source, target), strict=True)}
        paths = self.fetch((source, target), data_dir)
        return {split: self._pairs(split, source, target, paths) for split in SPLITS}

    def fetch(self, languages: Sequence[str], data_dir: Path | None = None) -> dict[locate.DataFile, Path]:
        """Where the files of these languages lie, after downloading those that were not here."""
        wanted = [f for f in self.files if set(languages) & set(f.languages)]
        return locate.fetch(self.name, wanted, self.by_hand, data_dir)

    def place(self, data_dir: Path | None = None) -> str | None:
        """The folder in which all of it lies, or that it is made on the spot; None: something would have to be downloaded."""
        if self.generate is not None:
            return "made on the spot"
        paths = [locate.find(self.name, file, data_dir) for file in self.files]
        folders = dict.fromkeys(str(path.parent) for path in paths if path is not None)
        return " and ".join(folders) if all(paths) else None

    def _pairs(self, split: str, source: str, target: str, paths: dict[locate.DataFile, Path]) -> list[Pair]:
        sides = []
        for language in (source, target):
            file = next(f for f in self.files if f.split == split and language in f.languages)
            column = file.languages.index(language)
            lines = read_lines(paths[file])
            sides.append((paths[file], lines if len(file.languages) == 1 else [line.split("\t")[column] for line in lines]))
        return align(*sides)


SPLITS = ("train", "validation", "test")


def align(source: tuple[Path, list[str]], target: tuple[Path, list[str]]) -> list[Pair]:
    """Pairs of the lines of two files; InputError with both counts where they differ."""
    (source_path, sources), (target_path, targets) = source, target
    if len(sources) != len(targets):
        raise InputError(
            Problem(
                f"{source_path} and {target_path}",
                f"have {len(sources):,} and {counted(len(targets), 'line')}; line n of one must be the translation of line n of the other",
            )
        )
    return list(zip(sources, targets, strict=True))


def _phrasebook(source: str, target: str) -> Sequence[Sequence[Pair]]:
    from anyformer.data import phrasebook  # a grammar of three languages, built when it is used

    return phrasebook.splits(source=source, target=target)


def _phrasebook_contents() -> dict[str, Any]:
    from anyformer.data import phrasebook

    info = phrasebook.info()
    return {"words": info["words_by_part"], "constructions": info["templates"], "held-out combinations": info["held_out_by_kind"]}


def _multi30k_files() -> tuple[locate.DataFile, ...]:
    stems = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
    return tuple(
        locate.DataFile(split=split, name=f"{stems[split]}.{language}", languages=(language,), sha256=sha256, url=f"{_MULTI30K}/{stems[split]}.{language}.gz")
        for split, checksums in _MULTI30K_SHA256.items()
        for language, sha256 in checksums.items()
    )


_MULTI30K = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw"
_MULTI30K_SHA256 = {
    "train": {
        "en": "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
        "de": "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
        "fr": "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d",
    },
    "validation": {
        "en": "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
        "de": "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
        "fr": "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc",
    },
    "test": {
        "en": "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
        "de": "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
        "fr": "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6",
    },
}
_TATOEBA_SHA256 = {
    "train": "c3b9ab587eb85b1b46f19c56014a33e50579f74f27482e3f5385bc4626c00892",
    "validation": "8ee4620b159302ad6e6452238efc1c0875130663313c19e5d7a78836f4120e09",
    "test": "335e3b74578fec69c027d16e1bef317d948a8f4ed65dfba803005fa013f36777",
}

CORPORA: dict[str, NamedCorpus] = {
    corpus.name: corpus
    for corpus in (
        NamedCorpus(
            name="phrasebook",
            description="sentences of a small grammar, made on the spot; the test part holds out combinations of words",
            languages=("en", "fr", "zh"),
            licence="Apache-2.0 (part of anyformer)",
            home="anyformer.data.phrasebook",
            generate=_phrasebook,
            contents=_phrasebook_contents,
        ),
        NamedCorpus(
            name="multi30k",
            description="image captions: 29,000 to train, 1,014 to validate, test2016 (Flickr) of 1,000; Elliott et al. 2016",
            languages=("en", "fr", "de"),
            licence="non-commercial research and education",
            home="https://github.com/multi30k/dataset",
            files=_multi30k_files(),
        ),
        NamedCorpus(
            name="tatoeba-en-zh",
            description="everyday sentences: 26,554 to train, 1,001 to validate, 1,000 to test; no sentence stands in two parts",
            languages=("en", "zh"),
            licence="CC BY 2.0 (France); who wrote a pair stands in column 3",
            home="https://www.manythings.org/anki/ (sentences of tatoeba.org)",
            files=tuple(
                locate.DataFile(split=split, name=f"{stem}.tsv", languages=("en", "zh"), sha256=_TATOEBA_SHA256[split])
                for split, stem in (("train", "train"), ("validation", "val"), ("test", "test"))
            ),
            by_hand="This split has no public download; without it, unpack https://www.manythings.org/anki/cmn-eng.zip "
            "and train on the same kind of sentences: data.corpus={kind: Tsv, path: cmn.txt, source: 1, target: 2}",
        ),
    )
}
