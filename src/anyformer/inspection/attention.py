"""Who looks at whom: the attention weights of every layer and head, for one translation.

N heads, T queries, S keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from anyformer.batch import Batch
from anyformer.decoding import Translator
from anyformer.errors import InputError
from anyformer.parts.attention import MultiHeadAttention

SIDES = ("encoder", "decoder", "cross")


@dataclass(frozen=True)
class AttentionMaps:
    """Weights of one translation, a tensor [N, T, S] a layer; every row sums to 1."""

    encoder: tuple[Tensor, ...]  # source over source
    decoder: tuple[Tensor, ...]  # pieces written over pieces read before
    cross: tuple[Tensor, ...]  # pieces written over source
    source: tuple[str, ...]  # labels, end of sentence included
    read: tuple[str, ...]  # what the decoder was given: begin of sentence, then what it had written
    written: tuple[str, ...]  # what it wrote next, end of sentence last
    text: str
    translation: str

    def labels(self, side: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Labels of queries and of keys."""
        return {"encoder": (self.source, self.source), "decoder": (self.written, self.read), "cross": (self.written, self.source)}[side]

    def layers(self, side: str) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = getattr(self, side)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain data: labels, and the weights by side, layer, head, query and key."""
        weights = {side: [[[[round(w, 5) for w in row] for row in head] for head in layer.tolist()] for layer in self.layers(side)] for side in SIDES}
        return {"text": self.text, "translation": self.translation, "source": self.source, "read": self.read, "written": self.written} | weights


def attention_of(translator: Translator, text: str, translation: str | None = None, **search: Any) -> AttentionMaps:
    """Translates a sentence (or takes the translation given) and collects the attention weights.

    Args:
        search: fields of `SearchConfig`.

    Raises:
        InputError: the text is empty or longer than the model takes at once.
    """
    ids = translator.source_tokenizer.encode(text.strip())
    if not ids:
        raise InputError("there is nothing to look at: the text is empty")
    if len(ids) >= translator.max_source_length:
        raise InputError(f"the text has {len(ids):,} tokens, the model takes {translator.max_source_length - 1:,} at once: give one sentence")
    if translation is None:
        found = translator.translate([text.strip()], sentences_apart=False, **search)[0]
        written, translation = list(found.ids), found.text
    else:
        written = translator.target_tokenizer.encode(translation)
    special = translator.special
    source = [*translator.source_tokenizer.begin, *ids, *translator.source_tokenizer.end]
    batch = Batch(tokens=torch.tensor([[special.bos, *written]]), source=torch.tensor([source]))
    with translator.ready() as model:
        maps = attention_weights(model, batch.to(translator.device))
    pieces = translator.target_tokenizer.pieces
    return AttentionMaps(
        **{side: tuple(maps[side]) for side in SIDES},
        source=tuple(translator.source_tokenizer.pieces(source)),
        read=tuple(pieces([special.bos, *written])),
        written=tuple(pieces([*written, special.eos])),
        text=text.strip(),
        translation=translation,
    )


def attention_weights(model: torch.nn.Module, batch: Batch) -> dict[str, list[Tensor]]:
    """The weights of the batch's first row by side (encoder, decoder, cross), a tensor [N, T, S] a layer, in fp32 on the CPU."""
    found: dict[str, list[Tensor]] = {side: [] for side in SIDES}

    def catch(name: str) -> Callable[..., None]:
        def hook(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            assert isinstance(module, MultiHeadAttention)
            crosses = kwargs.get("memory") is not None or (len(args) > 2 and args[2] is not None)
            side = "cross" if crosses else "encoder" if name.startswith("encoder") else "decoder"
            found[side].append(module.weights(*args, **kwargs)[0].float().cpu())

        return hook

    attentions = [(name, module) for name, module in model.named_modules() if isinstance(module, MultiHeadAttention)]
    hooks = [module.register_forward_pre_hook(catch(name), with_kwargs=True) for name, module in attentions]
    try:
        model(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return found
