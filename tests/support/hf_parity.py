"""A Hugging Face family against ours: a tiny random model of theirs, read by `from_hf`, must give its logits; written back, it must be the same again."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from transformers import AutoConfig, PretrainedConfig, PreTrainedModel

from anyformer.batch import Batch
from anyformer.errors import ConversionError
from anyformer.interop import from_hf, save_hf
from anyformer.interop.hf.canonical import canonical
from anyformer.interop.hf.family import find
from anyformer.model.model import Model

LENGTHS = [9, 6, 1]  # of the rows; the longest has no padding
TARGETS = [5, 8, 3]  # of what a decoder has written


def check_family(config: PretrainedConfig, kind: type[PreTrainedModel], folder: Path, *, packed: bool = True, lengths: list[int] = LENGTHS) -> Model:
    """Everything that is asked of a family, on one config; returns our model for more."""
    theirs = random_model(config, kind)
    theirs.save_pretrained(folder / "theirs")
    ours = from_hf(folder / "theirs")
    if config.is_encoder_decoder:
        check_sequence_to_sequence(ours, theirs, lengths)
    else:
        check_one_stack(ours, theirs, lengths, packed)
    check_round_trip(ours, theirs, folder)
    return ours


def random_model(config: PretrainedConfig, kind: type[PreTrainedModel], std: float = 0.3, seed: int = 0) -> PreTrainedModel:
    """Every parameter and stored buffer drawn anew with standard deviation `std`; norms around 1, so that nothing vanishes."""
    torch.manual_seed(seed)
    model = plain(kind(config))
    stored = set(model.state_dict())
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *((n, b) for n, b in model.named_buffers() if n in stored and b.is_floating_point())]:
            if isinstance(tensor, nn.Parameter) and not tensor.requires_grad:
                continue  # a table of sinusoids, which they compute and do not store
            around = 1.0 if tensor.dim() == 1 and name.endswith("weight") else 0.0
            nn.init.normal_(tensor, mean=around, std=std)
    return model


def plain(model: PreTrainedModel) -> PreTrainedModel:
    """In evaluation, with experts one after the other: their grouped product takes widths of whole 16 bytes only."""
    if model._can_set_experts_implementation():
        model.set_experts_implementation("eager")
    return model.eval()


# ---- logits


def assert_close(ours: Tensor, theirs: Tensor, real: Tensor | None = None) -> None:
    """Equal to 1e-5 x max(1, largest |logit|), where `real`."""
    assert ours.shape == theirs.shape and ours.dtype == torch.float32
    kept = slice(None) if real is None else real.bool()
    difference, largest = (ours - theirs)[kept].abs().max().item(), theirs[kept].abs().max().item()
    assert difference <= 1e-5 * max(1.0, largest), (difference, largest)


def tokens(config: PretrainedConfig, shape: tuple[int, ...], vocab_size: int | None = None) -> Tensor:
    """Random ids, none of which is the padding's."""
    ids = torch.randint(0, (vocab_size or config.vocab_size) - 1, shape)
    return ids if config.pad_token_id is None else ids + (ids >= config.pad_token_id)


def padded(config: PretrainedConfig, lengths: list[int], side: str, vocab_size: int | None = None) -> tuple[Tensor, Tensor]:
    """Ids [B, T] of rows of these lengths, and their mask."""
    at, n = torch.arange(max(lengths)), torch.tensor(lengths).unsqueeze(1)
    real = at < n if side == "right" else at >= max(lengths) - n
    return torch.where(real, tokens(config, tuple(real.shape), vocab_size), config.pad_token_id or 0), real.long()


@torch.no_grad()
def check_one_stack(ours: Model, theirs: PreTrainedModel, lengths: list[int], packed: bool) -> None:
    ids = tokens(theirs.config, (2, max(lengths)))
    assert_close(ours.logits(ids), theirs(ids).logits)
    for side in ("right", "left"):
        ids, mask = padded(theirs.config, lengths, side)
        assert_close(ours.logits(ids, mask), theirs(ids, attention_mask=mask).logits, mask)
        if "position_ids" in inspect.signature(theirs.forward).parameters:
            at = (mask.cumsum(1) - 1).clamp(min=0)
            expected = theirs(ids, attention_mask=mask, position_ids=at + first_position(theirs.config)).logits
            assert_close(ours(Batch(tokens=ids, segments=mask, positions=at, padding="any")).logits, expected, mask)
    if packed:
        documents = [tokens(theirs.config, (1, n)) for n in lengths]
        expected = torch.cat([theirs(document).logits for document in documents], dim=1)
        assert_close(ours(packed_batch(documents)).logits, expected)


def first_position(config: PretrainedConfig) -> int:
    """What their position_ids begin at."""
    return config.pad_token_id + 1 if config.model_type in ("roberta", "xlm-roberta") else 0


def packed_batch(documents: list[Tensor]) -> Batch:
    """Documents [1, T] behind each other in one row."""
    segments = torch.cat([torch.full_like(d, i) for i, d in enumerate(documents, 1)], dim=1)
    positions = torch.cat([torch.arange(d.shape[1]).unsqueeze(0) for d in documents], dim=1)
    return Batch(tokens=torch.cat(documents, dim=1), segments=segments, positions=positions, packed=True)


@torch.no_grad()
def check_sequence_to_sequence(ours: Model, theirs: PreTrainedModel, lengths: list[int]) -> None:
    written = getattr(theirs.config, "decoder_vocab_size", None)
    decoder_ids = tokens(theirs.config, (len(lengths), max(TARGETS)), written)
    ids = tokens(theirs.config, (len(lengths), max(lengths)))
    assert_close(ours.logits(ids, None, decoder_ids), theirs(input_ids=ids, decoder_input_ids=decoder_ids).logits)
    for side in ("right", "left"):
        ids, mask = padded(theirs.config, lengths, side)
        expected = theirs(input_ids=ids, attention_mask=mask, decoder_input_ids=decoder_ids).logits
        assert_close(ours.logits(ids, mask, decoder_ids), expected)
        target, target_mask = padded(theirs.config, TARGETS, "right", written)
        expected = theirs(input_ids=ids, attention_mask=mask, decoder_input_ids=target, decoder_attention_mask=target_mask).logits
        batch = Batch(tokens=target, segments=target_mask, padding="right", source=ids, source_segments=mask, source_padding="any")
        assert_close(ours(batch).logits, expected, target_mask)


# ---- keys


@torch.no_grad()
def check_keys(config: PretrainedConfig, kind: type[PreTrainedModel], but: tuple[str, ...] = ()) -> None:
    """Each key of config.json changed in turn: we refuse it, or read another model, or it changes nothing in theirs. `but`: what breaks theirs."""
    theirs = random_model(config, kind)
    said = json.loads(config.to_json_string(use_diff=False)) | {"architectures": [kind.__name__]}
    ids, mask = padded(config, LENGTHS, "left")
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
    if config.is_encoder_decoder:
        inputs["decoder_input_ids"] = tokens(config, (len(LENGTHS), 4), getattr(config, "decoder_vocab_size", None))
    family = find(config.model_type)
    ours, expected = canonical(family.config(said)), theirs(**inputs).logits[mask.bool()] if not config.is_encoder_decoder else theirs(**inputs).logits
    for path, changed in _changes(said):
        try:
            if canonical(family.config(changed)) != ours:
                continue
        except ConversionError:
            continue
        try:
            again = kind(type(config)(**{k: v for k, v in changed.items() if k not in ("model_type", "architectures", "transformers_version")}))
            again = plain(again)
            again.load_state_dict(theirs.state_dict())
            logits = again(**inputs).logits
        except Exception:  # their class refuses the value, or has other shapes that no file of this model would fit
            continue
        logits = logits if config.is_encoder_decoder else logits[mask.bool()]
        same = (logits - expected).abs().max() <= 1e-5 * max(1.0, float(expected.abs().max())) or path in but
        assert same, f"{path} changes their logits, and our reader does not see it"


def _changes(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(key, config.json with another value there), into mappings too."""
    for key, value in said.items():
        if key in ("model_type", "architectures", "dtype", "transformers_version"):
            continue
        if isinstance(value, dict):
            yield from ((f"{key}.{path}", said | {key: inner}) for path, inner in _changes(value))
        else:
            yield from ((key, said | {key: other}) for other in _others(value))


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 1]
    if isinstance(value, float):
        return [1.5 * value + 0.1]
    if isinstance(value, str):
        return ["relu", "linear", "absolute", "default"]
    return [True, 1, 0.25] if value is None else []


# ---- there and back


def stored(folder: Path) -> dict[str, Tensor]:
    """All tensors of the safetensors files of a folder."""
    return {name: tensor for path in sorted(folder.glob("*.safetensors")) for name, tensor in safetensors.torch.load_file(path).items()}


@torch.no_grad()
def check_round_trip(ours: Model, theirs: PreTrainedModel, folder: Path) -> None:
    """Written as the family that it came from: the same tensors, to the bit, and the same logits in transformers."""
    back = folder / "back"
    save_hf(ours, back, family=theirs.config.model_type, max_shard_size=20_000)
    computed = {name for name, p in theirs.named_parameters() if not p.requires_grad}  # sinusoids, which some of their classes store
    assert_same_tensors(*({name: t for name, t in stored(f).items() if name not in computed} for f in (back, folder / "theirs")))
    assert from_hf(back).config == ours.config
    again, report = type(theirs).from_pretrained(back, output_loading_info=True)
    report["missing_keys"] = set(report["missing_keys"]) - computed
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    inputs: dict[str, Any] = {"input_ids": tokens(theirs.config, (2, 7))}
    if theirs.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = tokens(theirs.config, (2, 5), getattr(theirs.config, "decoder_vocab_size", None))
    fresh = type(theirs).from_pretrained(folder / "theirs")  # theirs may remember rows that it has seen: dynamic NTK never shrinks its frequencies
    difference = (plain(again)(**inputs).logits - plain(fresh)(**inputs).logits).abs().max()
    assert difference < 1e-5, difference  # their products depend on where a tensor lies in memory, by the last bit
    chosen = folder / "chosen"
    save_hf(ours, chosen)  # as the first family that can hold it
    assert AutoConfig.from_pretrained(chosen).model_type == json.loads((chosen / "config.json").read_text())["model_type"]
    assert_close(from_hf(chosen).logits(**inputs), ours.logits(**inputs))


def assert_same_tensors(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
    different = [name for name in ours if ours[name].dtype != theirs[name].dtype or not torch.equal(ours[name], theirs[name])]
    assert not different, different
