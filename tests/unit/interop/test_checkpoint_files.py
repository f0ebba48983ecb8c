"""Reading and writing weight files: shards, indices, pickles, and what can be wrong with them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from anyformer.errors import ConversionError
from anyformer.interop.checkpoint_files import open_checkpoint
from anyformer.interop.writing import Planned, write_checkpoint

HELD = {
    "a": torch.arange(6.0).view(2, 3),
    "b.c": torch.arange(4, dtype=torch.bfloat16),
    "d": torch.zeros(0, 2),
    "e": torch.tensor(7),
    "f": torch.tensor([True]),
}


def planned(held: dict[str, Tensor]) -> list[Planned]:
    return [Planned(name, tuple(t.shape), t.dtype, lambda t=t: t) for name, t in held.items()]  # type: ignore[misc]


def same(folder: Path, held: dict[str, Tensor] = HELD) -> bool:
    files = open_checkpoint(folder)
    return files.shapes == {n: tuple(t.shape) for n, t in held.items()} and all(torch.equal(files.load(n), t) for n, t in held.items())


def test_one_file(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, planned(HELD), 10**9)
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"] and same(tmp_path)
    theirs = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(theirs[n], t) and theirs[n].dtype == t.dtype for n, t in HELD.items())
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}  # without it transformers refuses the file


def test_what_is_loaded_stays_when_its_file_is_replaced_and_its_file_when_it_is_changed(tmp_path: Path) -> None:
    """Mapped tensors: a file that another takes the place of is kept until they are gone, and what is written into them does not reach it."""
    save_file({"a": torch.arange(6.0)}, tmp_path / "model.safetensors")
    loaded = open_checkpoint(tmp_path).load("a")
    loaded[0] = 7
    assert load_file(tmp_path / "model.safetensors")["a"].tolist() == [0, 1, 2, 3, 4, 5]
    write_checkpoint(tmp_path, [Planned("a", (6,), torch.float32, lambda: loaded * 0)], 10**9)
    assert load_file(tmp_path / "model.safetensors")["a"].tolist() == [0] * 6 and loaded.tolist() == [7, 1, 2, 3, 4, 5]


def test_shards(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, planned(HELD), 16)
    assert {p.name for p in tmp_path.iterdir()} == {
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
        "model.safetensors.index.json",
    }
    assert same(tmp_path)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == 24 + 8 + 8 + 1 and index["weight_map"]["a"] == "model-00001-of-00003.safetensors"
    write_checkpoint(tmp_path, planned(HELD), 10**9)  # nothing of the shards is left behind
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, planned(HELD), 10**9)

    def fails() -> Tensor:
        raise OSError(28, "no space")

    with pytest.raises(OSError):
        write_checkpoint(tmp_path, [*planned({"a": torch.ones(2)}), Planned("z", (1,), torch.float32, fails)], 10**9)
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"] and same(tmp_path)


def test_a_type_that_the_format_lacks(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="complex64"):
        write_checkpoint(tmp_path, planned({"a": torch.ones(1, dtype=torch.complex64)}), 10**9)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="holds no weights"):
        open_checkpoint(tmp_path)
    write_checkpoint(tmp_path, planned(HELD), 16)
    (tmp_path / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(ConversionError, match="00002-of-00003.safetensors: is missing"):
        open_checkpoint(tmp_path)


def test_a_shard_without_what_the_index_says(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, planned(HELD), 16)
    save_file({"other": torch.ones(1)}, tmp_path / "model-00001-of-00003.safetensors")
    with pytest.raises(ConversionError, match="holds no 'a'"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("index", ["{", "[]", '{"weight_map": 3}', '{"weight_map": {"a": "../elsewhere.safetensors"}}'])
def test_a_bad_index(index: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ConversionError, match="no index of shards|outside its folder"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 40, -1])
def test_cut_short(keep: int, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, planned(HELD), 10**9)
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:keep])
    with pytest.raises(ConversionError, match="damaged or cut short"):
        open_checkpoint(tmp_path)


def test_pickles_are_refused_unless_asked_for(tmp_path: Path) -> None:
    torch.save(HELD, tmp_path / "pytorch_model.bin")
    with pytest.raises(ConversionError, match="allow_pickle=True"):
        open_checkpoint(tmp_path)
    files = open_checkpoint(tmp_path, allow_pickle=True)
    assert all(torch.equal(files.load(n), t) for n, t in HELD.items())


def test_pickles_of_the_old_format_and_in_shards(tmp_path: Path) -> None:
    torch.save({"a": HELD["a"]}, tmp_path / "one.bin", _use_new_zipfile_serialization=False)
    torch.save({"e": HELD["e"]}, tmp_path / "two.bin")
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": {"a": "one.bin", "e": "two.bin"}}))
    files = open_checkpoint(tmp_path, allow_pickle=True)
    assert torch.equal(files.load("a"), HELD["a"]) and torch.equal(files.load("e"), HELD["e"])


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("/nowhere/harm"),)  # type: ignore[return-value]


@pytest.mark.parametrize("make", ["code", "cut", "list", "garbage"])
@pytest.mark.filterwarnings("error")  # the refusal says it all
def test_bad_pickles(make: str, tmp_path: Path) -> None:
    path = tmp_path / "pytorch_model.bin"
    torch.save({"a": Harmful()} if make == "code" else [1] if make == "list" else HELD, path)
    if make == "cut":
        path.write_bytes(path.read_bytes()[:300])
    if make == "garbage":
        path.write_bytes(pickle.dumps(object)[:5] + b"xyz")
    with pytest.raises(ConversionError, match="damaged, or holds more than tensors|no state dict"):
        open_checkpoint(tmp_path, allow_pickle=True)


def test_two_names_of_one_tensor_are_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, planned({"norm.gamma": torch.ones(2), "norm.weight": torch.zeros(2)}), 10**9)
    with pytest.raises(ConversionError, match=r"norm\.weight: is 'norm\.gamma' by another name"):
        open_checkpoint(tmp_path).rename(lambda name: name.replace("gamma", "weight"))
