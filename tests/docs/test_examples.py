"""Every block marked `<!-- run -->` is executed, page by page, in the order in which it stands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pages
import pytest

RUNNABLE = [page for page in pages.ENGLISH if any(block.mark == "run" for block in pages.blocks(page))]


@pytest.mark.parametrize("page", RUNNABLE, ids=[page.stem for page in RUNNABLE])
def test_examples_run(page: Path, workplace: Path, program: dict[str, str]) -> None:
    for block in pages.blocks(page):
        if block.mark != "run":
            continue
        script = workplace / f".block-{block.line}"
        script.write_text(block.code, encoding="utf-8")
        runner = {"bash": ["bash", "-euo", "pipefail"], "python": ["python"]}[block.language]
        done = subprocess.run([*runner, script.name], cwd=workplace, env=program, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{block.where} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, f"{block.where}:\n{done.stderr}"


def test_most_blocks_run() -> None:
    """What a page shows is shown to work, unless it needs a corpus that is not in the package, or hours."""
    every = [block for page in pages.ENGLISH for block in pages.blocks(page, "bash", "python")]
    assert sum(block.mark == "run" for block in every) >= 0.6 * len(every)


def test_blocks_are_the_same_in_both_languages() -> None:
    for page in pages.ENGLISH:
        languages = ("bash", "python", "yaml")
        english, chinese = ([(b.language, b.mark, b.plain()) for b in pages.blocks(p, *languages)] for p in (page, pages.translation_of(page)))
        assert english == chinese, page.name
