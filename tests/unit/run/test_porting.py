"""Import and export of runs: what comes in goes out as it was, and every verb takes what came in."""

from __future__ import annotations

import filecmp
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

import anyformer
from anyformer.cli import main
from anyformer.errors import CheckpointError, ConversionError, InputError
from anyformer.run import exporting
from anyformer.run.exporting import export_hf
from anyformer.run.importing import import_hf


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small LLaMA with a tokenizer of bytes, as transformers writes it."""
    folder = tmp_path_factory.mktemp("theirs")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Backend(models.BPE(vocab={c: i for i, c in enumerate([*letters, "th", "<|end|>", "<|begin|>"])}, merges=[("t", "h")]))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    backend.post_processor = processors.TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", 258)])
    PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<|begin|>", eos_token="<|end|>").save_pretrained(folder)
    torch.manual_seed(0)
    size = {"vocab_size": 259, "hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 2, "max_position_embeddings": 77}
    model = LlamaForCausalLM(LlamaConfig(**size, num_attention_heads=6, num_key_value_heads=2, head_dim=6, bos_token_id=258, eos_token_id=257))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def run(theirs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return import_hf(theirs, tmp_path_factory.mktemp("runs") / "x").path


def test_the_same_text_is_written(theirs: Path, run: Path) -> None:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(theirs), AutoTokenizer.from_pretrained(theirs)
    ids = tokenizer("the path", return_tensors="pt").input_ids
    written = model.generate(ids, max_new_tokens=12, do_sample=False, suppress_tokens=[258])[0, ids.shape[1] :]
    [[found]] = anyformer.load(run).generate(["the path"], max_length=12)
    assert list(found.ids) == [i for i in written.tolist() if i != 257]


def test_there_and_back(theirs: Path, run: Path, tmp_path: Path) -> None:
    made = export_hf(run, tmp_path / "back")
    assert made.family == "llama" and made.check is not None and made.check.greedy_tokens > 0
    before, after = (safetensors.torch.load_file(f / "model.safetensors") for f in (theirs, tmp_path / "back"))
    assert before.keys() == after.keys() and all(torch.equal(before[n], after[n]) for n in before)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        assert filecmp.cmp(theirs / name, tmp_path / "back" / name, shallow=False)
    said, again = (json.loads((f / "config.json").read_text()) for f in (theirs, tmp_path / "back"))
    assert {k: again[k] for k in said if k != "transformers_version"} == {k: v for k, v in said.items() if k != "transformers_version"}


def test_an_export_draws_no_bar_of_theirs(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logging.enable_progress_bar()
    assert main(["export", str(run), str(tmp_path / "out"), "--to", "hf"]) == 0
    told = capsys.readouterr()
    assert "Loading" not in told.err and "greedy tokens equal" in told.out
    assert logging.is_progress_bar_enabled(), "it is for the others again"


def test_half_precision_stays(theirs: Path, tmp_path: Path) -> None:
    import_hf(theirs, tmp_path / "x", dtype="bf16")
    export_hf(tmp_path / "x", tmp_path / "back")
    assert {t.dtype for t in safetensors.torch.load_file(tmp_path / "back" / "model.safetensors").values()} == {torch.bfloat16}
    assert json.loads((tmp_path / "back" / "config.json").read_text())["dtype"] == "bfloat16"
    assert {p.dtype for p in anyformer.load(tmp_path / "x", device="cpu").model.parameters()} == {torch.float32}


def test_verbs(theirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import", str(theirs), "runs/y"]) == 0 and "parameters" in capsys.readouterr().out
    assert main(["generate", "runs/y", "--prompt", "the", "--max-length", "3"]) == 0
    assert main(["describe", "runs/y", "--json"]) == 0
    assert main(["runs", "list"]) == 0 and "runs/y" in capsys.readouterr().out
    assert main(["export", "runs/y", "out", "--to", "hf", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["family"] == "llama" and told["check"]["difference"] < 1e-5
    assert main(["evaluate", "runs/y"]) == 2 and "this model was imported" in capsys.readouterr().err
    assert main(["export", "runs/y", "out", "--to", "hf"]) == 2 and "not empty" in capsys.readouterr().err
    assert main(["import", str(theirs), "runs/y"]) == 2
    assert main(["import", str(theirs), "runs/y", "--overwrite"]) == 0


def test_without_a_tokenizer(theirs: Path, tmp_path: Path) -> None:
    import_hf(theirs, tmp_path / "x", with_tokenizer=False)
    with pytest.raises(CheckpointError, match="holds no tokenizer"):
        anyformer.load(tmp_path / "x")
    made = export_hf(tmp_path / "x", tmp_path / "out")
    assert made.check is not None and any("no tokenizer" in note for note in made.notes)


def test_without_transformers(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "installed", lambda: False)
    made = export_hf(run, tmp_path / "out")
    assert made.check is None and any("not checked: transformers is not installed" in note for note in made.notes)


def test_a_wrong_export_is_noticed(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check has teeth: weights that are changed on the way out are seen."""
    monkeypatch.setattr(torch.Tensor, "detach", lambda self: self.data * 1.001)
    with pytest.raises(ConversionError, match="gives other logits in transformers"):
        export_hf(run, tmp_path / "out")


def test_nothing_is_begun_that_cannot_be_finished(theirs: Path, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mine.txt").write_text("here")
    with pytest.raises(InputError):
        import_hf(theirs, tmp_path / "x")
    with pytest.raises(ConversionError, match="is no folder; get the files first"):  # and not that it lacks a tokenizer
        import_hf(tmp_path / "nowhere", tmp_path / "y")
    with pytest.raises(ConversionError, match=r"config.json: is missing"):
        import_hf(tmp_path / "x", tmp_path / "y")
    assert not (tmp_path / "y").exists()
