"""Whether an export means the same in `transformers`: equal logits and equal greedy tokens on random ids."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from anyformer.errors import ConversionError, Problem
from anyformer.model.model import Model

ROWS, LENGTH, WRITTEN = 2, 12, 16


class Check(NamedTuple):
    """What the check found. `difference`: largest between logits, of which the largest is `scale`."""

    difference: float
    scale: float
    greedy_tokens: int

    def __str__(self) -> str:
        tokens = f", {self.greedy_tokens} greedy tokens equal" if self.greedy_tokens else ""
        return f"logits equal to {self.difference:.1e} (largest {self.scale:.3g}){tokens}"


def installed() -> bool:
    """Whether there is a `transformers` to check with."""
    try:
        import transformers  # noqa: F401
    except ImportError:
        return False
    return True


@torch.no_grad()
def check_export(model: Model, folder: Path, seed: int = 0, called: Path | None = None) -> Check:
    """Loads the folder in `transformers` and compares with `model`. `called`: what errors call the folder, where that is not its name.

    Raises:
        ConversionError: it does not load whole, or gives other logits (beyond 1e-5 of the largest in fp32, 2e-2 in narrower types) or other tokens.
    """
    import transformers

    path = str(called or folder)
    name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["architectures"][0]
    with _without_bars():
        theirs, report = getattr(transformers, name).from_pretrained(folder, dtype="auto", output_loading_info=True)
    tables = {n for n, p in theirs.named_parameters() if not p.requires_grad}  # sinusoids, which it computes where the file has none
    unread = {n for n in report["unexpected_keys"] if ".pooler." in n and model.pooler is not None}  # the class that fills in words leaves it to others
    bad = {
        "missing_keys": set(report["missing_keys"]) - tables,
        "unexpected_keys": set(report["unexpected_keys"]) - unread,
        "mismatched_keys": report["mismatched_keys"],
    }
    wrong = [f"{kind}: {', '.join(sorted(map(str, names)))[:200]}" for kind, names in bad.items() if names]
    if wrong:
        raise ConversionError(*(Problem(path, f"does not load whole in transformers; {w}") for w in wrong))
    device = next(model.parameters()).device
    theirs = theirs.to(device).eval()
    inputs = _inputs(model, torch.Generator().manual_seed(seed))
    inputs = {key: value.to(device) for key, value in inputs.items()}
    ours, other = model.logits(**inputs).float(), theirs(**inputs).logits.float()
    difference, scale = (ours - other).abs().max().item(), other.abs().max().item()
    narrow = theirs.dtype != torch.float32
    if not difference <= (2e-2 if narrow else 1e-5) * max(1.0, scale):
        raise ConversionError(Problem(path, f"gives other logits in transformers, by {difference:.2e} where the largest is {scale:.3g}"))
    if model.decoder is None or narrow:
        return Check(difference, scale, 0)
    wanted, found = _greedy(model, inputs), _their_greedy(theirs, inputs)
    if not torch.equal(wanted, found):
        raise ConversionError(Problem(path, f"writes other tokens in transformers: {found[0].tolist()} instead of {wanted[0].tolist()}"))
    return Check(difference, scale, wanted.numel())


@contextlib.contextmanager
def _without_bars() -> Iterator[None]:
    """Their loading draws a bar, on a terminal or not."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _inputs(model: Model, generator: torch.Generator) -> dict[str, Tensor]:
    """Random ids, in the middle of the vocabulary where special ids do not stand."""
    config: Any = model.config
    own = config.encoder_embedding
    reads = own.vocab_size if own is not None and own.vocab_size else config.vocab_size
    both = model.encoder is not None and model.decoder is not None
    inputs = {"input_ids": _ids(reads, LENGTH, generator)}
    if both:
        begun = _ids(config.vocab_size, 3, generator)
        begun[:, 0] = begun[0, 0]  # their search wants one and the same start
        inputs["decoder_input_ids"] = begun
    return inputs


def _ids(vocab_size: int, length: int, generator: torch.Generator) -> Tensor:
    low = min(vocab_size // 3, 300)
    return torch.randint(low, max(low + 1, vocab_size - low), (ROWS, length), generator=generator)


def _greedy(model: Model, inputs: dict[str, Tensor]) -> Tensor:
    """[B, WRITTEN], each time the most probable token, whatever it is."""
    key = list(inputs)[-1]
    written = inputs[key]
    for _ in range(WRITTEN):
        logits = model.logits(**{**inputs, key: written})[:, -1]
        written = torch.cat([written, logits.argmax(-1, keepdim=True)], dim=1)
    return written[:, -WRITTEN:]


def _their_greedy(theirs: Any, inputs: dict[str, Tensor]) -> Tensor:
    from transformers import GenerationConfig

    start = int(inputs[list(inputs)[-1]][0, 0])
    plain = GenerationConfig(do_sample=False, max_new_tokens=WRITTEN, pad_token_id=0, decoder_start_token_id=start)  # no end: all tokens are compared
    theirs.generation_config = plain
    found: Tensor = theirs.generate(**inputs, generation_config=plain)
    return found[:, -WRITTEN:]
