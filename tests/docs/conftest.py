"""What the examples of the documentation run on: three hundred sentence pairs, a small trained run, and the program."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import program_server
import pytest

_SUBJECTS = (("The dog", "Le chien"), ("The cat", "Le chat"), ("My sister", "Ma sœur"), ("A man", "Un homme"), ("Our teacher", "Notre professeur"))
_VERBS = (("sees", "voit"), ("buys", "achète"), ("draws", "dessine"), ("wants", "veut"), ("finds", "trouve"))
_OBJECTS = (("a red house", "une maison rouge"), ("a book", "un livre"), ("the small table", "la petite table"), ("two apples", "deux pommes"))
_TIMES = (("", ""), (" today", " aujourd'hui"), (" in the park", " dans le parc"))


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An environment in whose PATH `anyformer` and `python` come from a process that has everything imported."""
    folder = tmp_path_factory.mktemp("bin")
    environment = {k: v for k, v in os.environ.items() if k not in ("ANYFORMER_DATA", "ANYFORMER_DEBUG")}
    environment |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "XDG_CACHE_HOME": str(folder / "cache"), "PATH": f"{folder}:{os.environ['PATH']}"}
    command = [sys.executable, program_server.__file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        assert server.stdout.readline() == "ready\n"
        yield environment
        server.stdin.close()


@pytest.fixture(scope="session")
def examples(program: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with my.en, my.fr, pairs.tsv, pairs.jsonl, and the run runs/x, trained on them."""
    folder = tmp_path_factory.mktemp("examples")
    sentences = itertools.product(_SUBJECTS, _VERBS, _OBJECTS, _TIMES)
    pairs = [[f"{s[side]} {v[side]} {o[side]}{t[side]}." for side in (0, 1)] for s, v, o, t in sentences]
    sides = list(zip(*pairs, strict=True))
    for name, lines in (("my.en", sides[0]), ("my.fr", sides[1]), ("pairs.tsv", map("\t".join, pairs))):
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    objects = (json.dumps({"translation": {"en": source, "fr": target}}, ensure_ascii=False) for source, target in pairs)
    (folder / "pairs.jsonl").write_text("".join(f"{line}\n" for line in objects), encoding="utf-8")
    command = ["anyformer", "train", "--source", "my.en", "--target", "my.fr", "--out", "runs/x", "--quiet"]
    subprocess.run(command, cwd=folder, env=program, check=True)
    return folder


@pytest.fixture
def workplace(examples: Path, tmp_path: Path) -> Path:
    """A copy of `examples` to work in."""
    return Path(shutil.copytree(examples, tmp_path / "work"))
