"""Steps on disk: whole or not there, checked when read."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from anyformer.checkpoint import average_steps, check_same, find_step, latest_step, load_step, point_at, remove_partial, remove_step, save_step, step_names
from anyformer.errors import CheckpointError


def tensors(value: float = 1.0) -> dict[str, torch.Tensor]:
    return {
        "w": torch.full((3, 4), value),
        "half": torch.arange(5).to(torch.bfloat16),
        "scalar": torch.tensor(value),
        "whole": torch.tensor([1, -2]),
        "flag": torch.tensor([True, False]),
        "empty": torch.zeros(0, 3),
        "turned": torch.arange(6.0).view(2, 3).T,
    }


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)


def test_what_is_saved_comes_back_and_other_readers_read_it(tmp_path: Path) -> None:
    path = save_step(tmp_path, "step-000005", {"model": tensors(), "optimizer": {}}, {"step": 5, "deep": {"x": [1, 2.5]}})
    step = load_step(path)
    assert step.state == {"step": 5, "deep": {"x": [1, 2.5]}}
    assert step.parts == ["model", "optimizer"]
    assert same(step.tensors(), tensors())
    assert step.tensors("optimizer") == {}
    assert same(safetensors.torch.load_file(path / "model.safetensors"), tensors())
    assert [p.name for p in tmp_path.iterdir()] == ["step-000005"]


def test_tied_tensors_are_stored_once(tmp_path: Path) -> None:
    w = torch.randn(50, 20)
    step = load_step(save_step(tmp_path, "a", {"model": {"in": w, "out": w}}, {}))
    assert (tmp_path / "a" / "model.safetensors").stat().st_size < 1.5 * 50 * 20 * 4
    assert same(step.tensors(), {"in": w, "out": w})


def test_a_step_can_be_written_again(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        save_step(tmp_path, "step-000001", {"model": tensors(value)}, {})
    assert same(load_step(tmp_path / "step-000001").tensors(), tensors(2.0))
    assert step_names(tmp_path) == ["step-000001"] and len(list(tmp_path.iterdir())) == 1


def test_truncated_changed_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = save_step(tmp_path, "step-000001", {"model": tensors()}, {})
    file = path / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    with pytest.raises(CheckpointError, match=r"model.safetensors: is damaged: \d+ bytes instead of"):
        load_step(path)
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="its checksum is another"):
        load_step(path).tensors()
    file.unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        load_step(path)


@pytest.mark.parametrize("content", ["", '{"format": 1', "[]", '{"format": 1}', "null"])
def test_a_damaged_state_is_refused(tmp_path: Path, content: str) -> None:
    path = save_step(tmp_path, "step-000001", {"model": tensors()}, {})
    (path / "state.json").write_text(content)
    with pytest.raises(CheckpointError, match="state.json"):
        load_step(path)


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    path = save_step(tmp_path, "step-000001", {"model": tensors()}, {})
    written = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps(written | {"format": 2}))
    with pytest.raises(CheckpointError, match="is of format version 2, and this anyformer reads 1"):
        load_step(path)


def test_what_is_no_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such folder"):
        load_step(tmp_path / "none")
    with pytest.raises(CheckpointError, match="is no step of a run"):
        load_step(tmp_path)
    with pytest.raises(CheckpointError, match="holds no 'ema'; it holds model"):
        load_step(save_step(tmp_path, "step-000001", {"model": {}}, {})).tensors("ema")


@pytest.mark.parametrize("failing", ["fsync", "rename", "replace"])
def test_a_full_disk_leaves_the_step_before_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    save_step(tmp_path, "step-000001", {"model": tensors()}, {})

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(CheckpointError, match=r"step-000002: could not be saved: the disk is full .* untouched"):
        save_step(tmp_path, "step-000002", {"model": tensors(2.0)}, {})
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["step-000001"]
    assert same(load_step(tmp_path / "step-000001").tensors(), tensors())


def test_a_real_limit_on_file_size_is_a_clear_error(tmp_path: Path) -> None:
    save_step(tmp_path, "step-000001", {"model": tensors()}, {})
    program = (
        "import resource, sys, torch\n"
        "from pathlib import Path\n"
        "from anyformer.checkpoint import save_step\n"
        "from anyformer.errors import CheckpointError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: save_step(Path(sys.argv[1]), 'step-000002', {'model': {'w': torch.zeros(100_000)}}, {})\n"
        "except CheckpointError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, env=environment(), check=True)
    assert "could not be saved: File too large. What was saved before is untouched" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["step-000001"]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "OMP_NUM_THREADS": "1"}


def test_the_newest_step_counts_by_number_and_half_written_ones_do_not(tmp_path: Path) -> None:
    assert latest_step(tmp_path) is None
    for name in ("step-000900", "step-001000", "step-1000000"):
        save_step(tmp_path, name, {"model": {}}, {})
    (tmp_path / ".step-2000000.partial").mkdir()
    (tmp_path / ".latest.partial").write_text("x")
    assert step_names(tmp_path) == ["step-000900", "step-001000", "step-1000000"]
    assert latest_step(tmp_path) == tmp_path / "step-1000000"
    remove_partial(tmp_path)
    remove_step(tmp_path, "step-000900")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-001000", "step-1000000"]


def test_find_step(tmp_path: Path) -> None:
    for name in ("step-000001", "step-000002", "average"):
        save_step(tmp_path, name, {"model": {}}, {})
    assert find_step(tmp_path).name == "step-000002"  # nothing is known to be best
    point_at(tmp_path, "best", "step-000001")
    assert find_step(tmp_path).name == "step-000001"
    assert find_step(tmp_path, "latest").name == "step-000002"
    assert find_step(tmp_path, "average").name == "average"
    assert find_step(tmp_path / "step-000002").name == "step-000002"
    remove_step(tmp_path, "step-000001")
    assert find_step(tmp_path).name == "step-000002"
    with pytest.raises(CheckpointError, match=r"has no step 'averge' \(did you mean 'average'\?\)"):
        find_step(tmp_path, "averge")
    with pytest.raises(CheckpointError, match="no such run"):
        find_step(tmp_path / "none")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CheckpointError, match="is no run"):
        find_step(empty)


def test_average_is_the_mean_of_the_weights(tmp_path: Path) -> None:
    paths = [save_step(tmp_path, f"step-00000{i}", {"model": {"w": torch.full((2,), float(v)), "n": torch.tensor(i)}}, {}) for i, v in ((1, 1), (2, 2), (3, 6))]
    mean = average_steps(paths)
    assert torch.equal(mean["w"], torch.full((2,), 3.0)) and mean["n"] == 3
    assert torch.equal(average_steps(paths, fixed=["w"])["w"], torch.full((2,), 6.0))
    other = save_step(tmp_path, "other", {"model": {"w": torch.zeros(3), "n": torch.tensor(0)}}, {})
    with pytest.raises(CheckpointError, match="is of another model"):
        average_steps([*paths, other])


def test_another_config_is_refused_with_the_fields_that_differ() -> None:
    saved = {"model": {"d_model": 128, "layers": [{"n": 1}, {"n": 2}]}, "data": "abc"}
    check_same(saved, {"model": {"d_model": 128, "layers": ({"n": 1}, {"n": 2})}, "data": "abc"}, "step-000001")
    with pytest.raises(CheckpointError) as caught:
        check_same(saved, {"model": {"d_model": 256, "layers": [{"n": 1}, {"n": 3}]}, "data": "abc", "more": 1}, "step-000001")
    told = [str(p) for p in caught.value.problems]
    assert told[:3] == ["model.d_model: 128 in step-000001, 256 here", "model.layers.1.n: 2 in step-000001, 3 here", "more: None in step-000001, 1 here"]
    assert "resume with the config of its run" in told[3]
