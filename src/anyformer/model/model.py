"""The model: one for all architectures. Which of `encoder` and `decoder` there are is its shape.

encoder and decoder: encoder-decoder; decoder alone: a language model; encoder alone: an encoder. The model holds
parameters only; caches, masks and precision come from the caller (`torch.autocast` chooses the dtype of the computation).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Batch, Padding
from anyformer.errors import ConfigError, InputError, Problem
from anyformer.model.stack import Memory, Stack
from anyformer.parts.auxiliary import Aux
from anyformer.parts.embedding import Embedding
from anyformer.parts.guarantees import guarantees_of, lacking, sees_later
from anyformer.parts.head import Head, Pooler, VocabularyHead
from anyformer.parts.init import Init, Xavier
from anyformer.parts.kv_cache import KVCache
from anyformer.parts.part import Part, PartConfig, compute_dtype
from anyformer.parts.place import Place, place_of, positions_without_padding
from anyformer.spec import spec


class Output(NamedTuple):
    hidden: Tensor  # [B, T, D]
    head: Head
    aux: list[Aux]  # of each layer with experts
    pooler: Pooler | None = None

    @property
    def logits(self) -> Tensor:
        """[B, T, V], computed when asked for, in fp32."""
        with torch.autocast(self.hidden.device.type, enabled=False):
            return self.head(self.hidden).float()

    @property
    def pooled(self) -> Tensor:
        """[B, D], of each row's first token; for models with a pooler."""
        if self.pooler is None:
            raise InputError("this model has no pooler")
        with torch.autocast(self.hidden.device.type, enabled=False):
            return self.pooler(self.hidden)


class Model(Part):
    @spec
    class Config(PartConfig):
        vocab_size: int
        d_model: int
        embedding: Embedding.Config
        head: Head.Config
        encoder: Stack.Config | None = None
        decoder: Stack.Config | None = None
        encoder_embedding: Embedding.Config | None = None  # None: `embedding` serves both; its own table only with its own vocab_size
        pooler: Pooler.Config | None = None
        init: Init = Xavier()

        def problems(self) -> Iterator[tuple[str, str]]:
            for name in ("vocab_size", "d_model"):
                if getattr(self, name) < 1:
                    yield name, f"must be at least 1, not {getattr(self, name)}"
            if self.encoder is None and self.decoder is None:
                yield "decoder", "a model needs an encoder, a decoder or both"
            if self.encoder_embedding is not None and (self.encoder is None or self.decoder is None):
                yield "encoder_embedding", "only a model with encoder and decoder has two embeddings; use embedding"
            yield from _head_misfits(self.head, self.embedding)
            for name in ("encoder", "decoder"):
                stack: Stack.Config | None = getattr(self, name)
                if stack is not None and self.d_model > 0:
                    yield from ((f"{name}.{field}", message) for field, message in stack.misfits(self.d_model))
                    yield from ((f"{name}.{field}", message) for field, message in _cross_misfits(name, stack, self.encoder is not None))
            if self.decoder is not None:
                yield from ((f"decoder.{field}", message) for field, message in _looking_ahead(self.decoder))

        def build(self, *args: Any, **kwargs: Any) -> Model:
            return Model(self, *args, **kwargs)

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.embedding: Embedding = config.embedding.build(config.d_model, config.vocab_size)
        own = config.encoder_embedding
        self.encoder_embedding: Embedding | None = None
        if own is not None:
            self.encoder_embedding = own.build(config.d_model, config.vocab_size, None if own.vocab_size else self.embedding.weight)
        self.encoder: Stack | None = None if config.encoder is None else config.encoder.build(config.d_model)
        self.decoder: Stack | None = None if config.decoder is None else config.decoder.build(config.d_model)
        self.head: Head = config.head.build(config.d_model, config.embedding.vocab_size or config.vocab_size, self.embedding.weight)
        self.pooler: Pooler | None = None if config.pooler is None else config.pooler.build(config.d_model)
        self.guaranteed = guarantees_of(config)
        if not self.embedding.weight.is_meta:
            config.init.apply(self)

    def forward(self, batch: Batch, *, memory: Memory | None = None, cache: KVCache | None = None) -> Output:
        """Hidden states of `batch.tokens` [B, T].

        An encoder-decoder reads `batch.source`, or `memory` where it was encoded before, or the cache that remembers it.
        With `cache`, the tokens stand after those in it, and join them.
        """
        if batch.packed and "packed" not in self.guaranteed:
            raise _refusal(self.config, "packed", "documents packed into one row would see each other")
        dtype = compute_dtype(batch.tokens.device.type, self.embedding.weight.dtype)
        with torch.autocast(batch.tokens.device.type, enabled=False):
            if self.decoder is None:
                return self._output(*self._run_encoder(batch, dtype))
            if self.encoder is not None and memory is None:
                memory = self._remembered(cache) if cache is not None and cache.memory is not None else self._memory(batch, dtype)
            place = _place(self.embedding, batch.tokens, batch.segments, batch.positions, batch.prefix, cache)
            x = self.embedding(batch.tokens, place.position, dtype, batch.token_types)
            hidden, aux = self.decoder(x, place, batch.padding, batch.packed, memory, cache)
            return self._output(hidden, aux if memory is None else [*memory.aux, *aux])

    def logits(self, input_ids: Tensor, attention_mask: Tensor | None = None, decoder_input_ids: Tensor | None = None) -> Tensor:
        """[B, T, V] in the dtype that is computed in, with the arguments as Hugging Face means them.

        Args:
            input_ids: [B, T]; an encoder-decoder reads them in its encoder.
            attention_mask: [B, T], 0 where `input_ids` is padding, on either side.
            decoder_input_ids: [B, T'], what an encoder-decoder has written so far, its start token included; T' is then the T of the logits.
        """
        both = self.encoder is not None and self.decoder is not None
        if both != (decoder_input_ids is not None):
            raise InputError("an encoder-decoder needs decoder_input_ids" if both else "decoder_input_ids are for encoder-decoders; this model has one stack")
        segments = None if attention_mask is None else (attention_mask != 0).long()
        padding: Padding = "none" if segments is None else "any"
        if decoder_input_ids is None:
            return self._logits(Batch(tokens=input_ids, segments=segments, padding=padding))
        return self._logits(Batch(tokens=decoder_input_ids, source=input_ids, source_segments=segments, source_padding=padding))

    def _logits(self, batch: Batch) -> Tensor:
        output = self(batch)
        with torch.autocast(batch.tokens.device.type, enabled=False):
            return output.head(output.hidden)

    def _output(self, hidden: Tensor, aux: list[Aux]) -> Output:
        return Output(hidden, self.head, aux, self.pooler)

    def encode(self, batch: Batch) -> Memory:
        """The memory of `batch.source` [B, S], for decoding."""
        dtype = compute_dtype(batch.tokens.device.type, self.embedding.weight.dtype)
        with torch.autocast(batch.tokens.device.type, enabled=False):
            return self._memory(batch, dtype)

    def new_cache(
        self,
        rows: int,
        length: int,
        memory: Memory | None = None,
        group: int | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> KVCache:
        """An empty cache for `rows` rows of up to `length` tokens; `memory`'s keys and values are computed here, once.

        Rows in groups of `group` (None: as many as share a row of the memory) may take over each other's past.
        """
        if self.decoder is None:
            raise ConfigError(Problem("decoder", "an encoder alone does not generate, so it has no cache"))
        if "cached" not in self.guaranteed:
            raise _refusal(self.config, "cached", "a cache would give other results than one pass over the whole text")
        device = device or self.embedding.weight.device
        dtype = dtype or compute_dtype(device.type, self.embedding.weight.dtype)
        group = group or (1 if memory is None else rows // memory.hidden.shape[0])
        with torch.autocast(device.type, enabled=False):
            return self.decoder.new_cache(rows, length, group, memory, device, dtype)

    def _run_encoder(self, batch: Batch, dtype: torch.dtype) -> tuple[Tensor, list[Aux]]:
        assert self.encoder is not None
        place = _place(self.embedding, batch.tokens, batch.segments, batch.positions, batch.prefix)
        return self.encoder(self.embedding(batch.tokens, place.position, dtype, batch.token_types), place, batch.padding, batch.packed)

    def _memory(self, batch: Batch, dtype: torch.dtype) -> Memory:
        assert self.encoder is not None
        if batch.source is None:
            raise ConfigError(Problem("batch.source", "an encoder-decoder reads a source beside its tokens"))
        embedding = self.encoder_embedding or self.embedding
        place = _place(embedding, batch.source, batch.source_segments, batch.source_positions)
        hidden, aux = self.encoder(embedding(batch.source, place.position, dtype), place, batch.source_padding, batch.packed)
        return Memory(hidden, batch.source_segments, batch.source_padding, batch.packed, tuple(aux))

    def _remembered(self, cache: KVCache) -> Memory:
        """The memory of a cache: what is left of it are the layers' states and where it is real."""
        assert cache.memory is not None
        rows, length, segments, padding = cache.memory
        return Memory(torch.empty(rows, length, 0, device=cache.device), segments, padding)


def _place(
    embedding: Embedding, tokens: Tensor, segments: Tensor | None, positions: Tensor | None, prefix: Tensor | None = None, cache: KVCache | None = None
) -> Place:
    """The places of new tokens; where no positions are given, padding counts or not as the embedding says."""
    start = 0 if cache is None else cache.length
    if positions is None and embedding.padding == "skipped":
        before = None if cache is None else cache.real_before()
        if segments is not None:
            positions = positions_without_padding(segments, torch.full_like(segments[:, 0], start) if before is None and start else before)
        elif before is not None:
            positions = before.unsqueeze(1) + torch.arange(tokens.shape[1], device=tokens.device)
    return place_of(tokens, segments, positions, prefix, start)


def _refusal(config: Model.Config, guarantee: str, why: str) -> ConfigError:
    return ConfigError(*(Problem(path, f"{part.kind()} does not allow this: {why}") for path, part in lacking(config, guarantee)))


def _head_misfits(head: Head.Config, embedding: Embedding.Config) -> Iterator[tuple[str, str]]:
    if embedding.narrow is not None and isinstance(head, VocabularyHead.Config) and head.tied and head.transform is None:
        way = "give head.transform, a map back to its width, or set head.tied to false"
        yield "head.tied", f"the table is {embedding.narrow.dim} wide, the stream is not, so the head cannot read it as it is; {way}"


def _looking_ahead(stack: Stack.Config) -> Iterator[tuple[str, str]]:
    """What would let a decoder know what it is to write."""
    for group, blocks in (("first", stack.first), ("blocks", stack.blocks)):
        for i, block in enumerate(blocks):
            mask = block.attention.mask
            if sees_later(mask):
                message = f"{mask.to_text()} lets a decoder see what it is to write; join it to Causal() with &, or make the stack an encoder"
                yield f"{group}.{i}.attention.mask", message
            for path, part in lacking(block, "causal"):
                message = f"{part.kind()} makes a token's output depend on later tokens, which a decoder must not; use it in an encoder, or take another part"
                yield f"{group}.{i}.{path}", message


def _cross_misfits(name: str, stack: Stack.Config, has_encoder: bool) -> Iterator[tuple[str, str]]:
    crossing = [block.cross_attention is not None for block in (*stack.first, *stack.blocks)]
    if name == "encoder" and any(crossing):
        yield "blocks", "an encoder has nothing to attend across to; remove cross_attention from its blocks"
    if name == "decoder" and has_encoder and not any(crossing):
        yield "blocks", "this decoder never reads the encoder; give its blocks a cross_attention or remove the encoder"
    if name == "decoder" and not has_encoder and any(crossing):
        yield "blocks", "cross_attention needs an encoder to attend to; remove it from the blocks or add an encoder"
