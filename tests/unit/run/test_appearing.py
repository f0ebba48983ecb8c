"""Folders that appear whole or not at all, and that the verbs that make folders make them so."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import anyformer
from anyformer.cli import main
from anyformer.errors import InputError
from anyformer.interop.hf import save
from anyformer.model import surgery
from anyformer.run import converting, exporting, folder, importing, lock
from anyformer.run.appearing import appearing
from anyformer.run.converting import convert
from anyformer.run.exporting import export_hf
from anyformer.run.importing import import_hf

Verb = Callable[[Path], object]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("theirs")
    anyformer.save_hf(anyformer.architectures.get("llama-7b", scale="tiny").build(), out)
    return out


@pytest.fixture(scope="module")
def run(theirs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return import_hf(theirs, tmp_path_factory.mktemp("runs") / "x", with_tokenizer=False).path


@pytest.fixture(params=["import", "convert", "export"])
def verb(request: pytest.FixtureRequest, theirs: Path, run: Path) -> Verb:
    verbs: dict[str, Verb] = {
        "import": lambda out: import_hf(theirs, out, with_tokenizer=False),
        "convert": lambda out: convert(run, out, [surgery.to_prefix]),
        "export": lambda out: export_hf(run, out, check=False),
    }
    return verbs[request.param]


def interrupt(*args: object, **kwargs: object) -> None:
    raise KeyboardInterrupt


def everything(path: Path) -> set[str]:
    return {str(p.relative_to(path)) for p in path.rglob("*")}


def test_ctrl_c_leaves_nothing(verb: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(folder, "write_config", interrupt)
        patch.setattr(save, "write_checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt):
            verb(tmp_path / "new")
        (tmp_path / "empty").mkdir()
        with pytest.raises(KeyboardInterrupt):
            verb(tmp_path / "empty")
    assert everything(tmp_path) == {"empty"}
    verb(tmp_path / "new")
    verb(tmp_path / "empty")
    assert everything(tmp_path / "new") == everything(tmp_path / "empty") and (tmp_path / "new").stat().st_mode == (tmp_path / "empty").stat().st_mode
    assert {p.name for p in tmp_path.iterdir()} == {"new", "empty"}
    assert not any(p.name.endswith(".partial") or p.name == lock.FILE for p in tmp_path.rglob("*"))


def test_ctrl_c_during_the_check(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "check_export", interrupt)
    monkeypatch.setattr(exporting, "installed", lambda: True)
    with pytest.raises(KeyboardInterrupt):
        export_hf(run, tmp_path / "out")
    assert everything(tmp_path) == set()


def test_a_kill_leaves_nothing_under_the_name_and_what_it_leaves_is_taken_up(tmp_path: Path) -> None:
    code = "import os, signal, sys; from pathlib import Path; from anyformer.run.appearing import appearing\n"
    code += "with appearing(Path(sys.argv[1]), lambda: None) as partial:\n  (partial / 'config.json').write_text('old'); (partial / 'much').mkdir()\n"
    code += "  os.kill(os.getpid(), signal.SIGKILL)\n"
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=False)
    assert not (tmp_path / "new").exists() and not (tmp_path / "empty" / "config.json").exists()
    assert len(everything(tmp_path)) > 1, "the test is to leave something"
    for name in ("new", "empty"):
        folder.check_free(tmp_path / name)
        with appearing(tmp_path / name, lambda: None) as partial:
            (partial / "weights").write_text("whole")
        assert everything(tmp_path / name) == {"weights"}
    assert everything(tmp_path) == {"new", "empty", "new/weights", "empty/weights"}


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        appearing(tmp_path / "new", lambda: None),
        pytest.raises(InputError, match=r"new: is being written by process"),
        appearing(tmp_path / "new", lambda: None),
    ):
        pass
    assert everything(tmp_path) == {"new"}


@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_is_told_by_name_with_the_way_out(verb: Verb, existing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = tmp_path / "out"
    if existing:
        out.mkdir()
    monkeypatch.setattr("anyformer.checkpoint.step.write_tensors", full)
    monkeypatch.setattr(save, "write_checkpoint", full)
    with pytest.raises(OSError, match="No space left") as caught:
        verb(out)
    assert caught.value.filename == str(out)
    assert everything(tmp_path) == ({"out"} if existing else set())


def test_the_command_says_it(theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("anyformer.checkpoint.step.write_tensors", full)
    assert main(["import", str(theirs), str(tmp_path / "out"), "--without-tokenizer"]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'out'}: the disk is full; make room and run again\n"


def test_what_is_to_be_replaced_stays_until_the_end(theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = import_hf(theirs, tmp_path / "x", with_tokenizer=False).path
    (out / "note.txt").write_text("of the old one")
    before = everything(out)
    with monkeypatch.context() as patch:
        patch.setattr(importing, "point_at", interrupt)
        patch.setattr(converting, "point_at", interrupt)
        for again in (lambda: import_hf(theirs, out, with_tokenizer=False, overwrite=True), lambda: convert(out, out, [surgery.to_prefix], overwrite=True)):
            with pytest.raises(KeyboardInterrupt):
                again()
            assert everything(out) == before
    convert(out, out, [surgery.to_prefix], overwrite=True)  # in its own place
    assert "Prefix()" in (out / "config.yaml").read_text() and not (out / "note.txt").exists()
