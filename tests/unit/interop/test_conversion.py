"""Filling a model from files: everything that does not fit is named, all at once, before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from anyformer.errors import ConversionError
from anyformer.interop.checkpoint_files import TensorFiles
from anyformer.interop.conversion import fill, plan_writing
from anyformer.interop.ops import Fused
from anyformer.interop.rule import Rule, rule
from anyformer.interop.surplus import Dropped, Same


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 2), nn.Linear(3, 2)
        self.table = nn.Embedding(5, 3)
        self.tied = nn.Linear(3, 5, bias=False)
        self.tied.weight = self.table.weight
        self.register_buffer("seen", torch.zeros(2, dtype=torch.int64))


RULES = [
    rule("ab.{p}", ("a.{p}", "b.{p}"), Fused((2, 2))),
    rule("embed", "table.weight"),
    rule("seen", "seen"),
    rule(("head", "embed"), op=Same()),
    rule("mask", op=Dropped("it is computed")),
]


def tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {"ab.weight": torch.randn(4, 3), "ab.bias": torch.randn(4), "embed": torch.randn(5, 3), "seen": torch.tensor([3, 4])}


def files(folder: Path, held: dict[str, Tensor]) -> TensorFiles:
    save_file(held, folder / "x.safetensors")
    return TensorFiles([folder / "x.safetensors"])


def hollow() -> Tiny:
    with torch.device("meta"):
        return Tiny()


def test_there_and_back(tmp_path: Path) -> None:
    held = tensors()
    model = hollow()
    assert fill(model, RULES, files(tmp_path, held)) == []
    assert torch.equal(model.a.weight, held["ab.weight"][:2]) and torch.equal(model.b.bias, held["ab.bias"][2:])
    assert model.tied.weight is model.table.weight and isinstance(model.a.weight, nn.Parameter)
    assert model.a.weight.untyped_storage().nbytes() == 24  # not the whole of `ab.weight`
    back = {p.name: p.make().detach() for p in plan_writing(model, RULES)}
    assert back.keys() == held.keys() and all(torch.equal(back[n], held[n]) for n in held)


def test_another_dtype_is_for_parameters(tmp_path: Path) -> None:
    model = hollow()
    fill(model, RULES, files(tmp_path, tensors()), torch.bfloat16)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16} and model.seen.dtype == torch.int64


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    held = tensors()
    notes = fill(hollow(), RULES, files(tmp_path, held | {"head": held["embed"].clone(), "mask": torch.ones(2)}))
    assert notes == ["left out mask: it is computed (1 tensors)"]


@pytest.mark.parametrize(
    ("change", "rules", "told"),
    [
        ({"extra.one": torch.ones(1), "extra.two": torch.ones(1)}, RULES, [("extra.one", "no rule"), ("extra.two", "no rule")]),
        ({"ab.weight": None, "embed": None}, RULES, [("ab.weight", "missing"), ("embed", "missing")]),
        ({"ab.weight": torch.ones(4, 2)}, RULES, [("ab.weight", r"\[4, 2\] in the file, the config makes \[4, 3\]")]),
        ({"head": torch.ones(5, 3)}, RULES, [("head", "other numbers")]),
        ({}, RULES[1:], [("a.weight", "no rule"), ("b.bias", "no rule"), ("ab.weight", "no rule")]),
    ],
)
def test_misfits_are_all_named(change: dict[str, Tensor | None], rules: list[Rule], told: list[tuple[str, str]], tmp_path: Path) -> None:
    held = {name: tensor for name, tensor in (tensors() | change).items() if tensor is not None}
    with pytest.raises(ConversionError) as raised:
        fill(hollow(), rules, files(tmp_path, held))
    for name, message in told:
        [problem] = [p for p in raised.value.problems if p.path == name]
        with pytest.raises(ConversionError, match=message):
            raise ConversionError(problem)


def test_ours_without_a_rule_is_not_written() -> None:
    with pytest.raises(ConversionError, match="seen"):
        plan_writing(Tiny(), RULES[:2])
