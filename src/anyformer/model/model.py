"""The model: one for all architectures. Which of `encoder` and `decoder` there are is its shape.

encoder and decoder: encoder-decoder; decoder alone: a language model; encoder alone: an encoder. The model holds
parameters only; caches, masks and precision come from the caller (`torch.autocast` chooses the dtype of the computation).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Batch
from anyformer.errors import ConfigError, Problem
from anyformer.model.stack import Memory, Stack
from anyformer.parts.embedding import Embedding
from anyformer.parts.head import Head
from anyformer.parts.init import Init, Xavier
from anyformer.parts.kv_cache import KVCache
from anyformer.parts.part import Part, PartConfig, compute_dtype
from anyformer.parts.place import place_of
from anyformer.spec import spec


class Output(NamedTuple):
    hidden: Tensor  # [B, T, D]
    head: Head

    @property
    def logits(self) -> Tensor:
        """[B, T, V], computed when asked for, in fp32."""
        return self.head(self.hidden).float()


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
        init: Init = Xavier()

        def problems(self) -> Iterator[tuple[str, str]]:
            for name in ("vocab_size", "d_model"):
                if getattr(self, name) < 1:
                    yield name, f"must be at least 1, not {getattr(self, name)}"
            if self.encoder is None and self.decoder is None:
                yield "decoder", "a model needs an encoder, a decoder or both"
            if self.encoder_embedding is not None and (self.encoder is None or self.decoder is None):
                yield "encoder_embedding", "only a model with encoder and decoder has two embeddings; use embedding"
            for name in ("encoder", "decoder"):
                stack: Stack.Config | None = getattr(self, name)
                if stack is not None and self.d_model > 0:
                    yield from ((f"{name}.{field}", message) for field, message in stack.misfits(self.d_model))
                    yield from ((f"{name}.{field}", message) for field, message in _cross_misfits(name, stack, self.encoder is not None))

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
        if not self.embedding.weight.is_meta:
            config.init.apply(self)

    def forward(self, batch: Batch, *, memory: Memory | None = None, cache: KVCache | None = None) -> Output:
        """Hidden states of `batch.tokens` [B, T].

        An encoder-decoder reads `batch.source`, or `memory` where it was encoded before, or the cache that remembers it.
        With `cache`, the tokens stand after those in it, and join them.
        """
        dtype = compute_dtype(batch.tokens.device.type, self.embedding.weight.dtype)
        with torch.autocast(batch.tokens.device.type, enabled=False):
            if self.decoder is None:
                return Output(self._encode(batch, dtype), self.head)
            if self.encoder is not None and memory is None:
                memory = self._remembered(cache) if cache is not None and cache.has_memory else self._memory(batch, dtype)
            place = place_of(batch.tokens, batch.segments, batch.positions, batch.prefix, 0 if cache is None else cache.length)
            x = self.embedding(batch.tokens, place.position, dtype)
            return Output(self.decoder(x, place, batch.padding, batch.packed, memory, cache), self.head)

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
        device = device or self.embedding.weight.device
        dtype = dtype or compute_dtype(device.type, self.embedding.weight.dtype)
        group = group or (1 if memory is None else rows // memory.hidden.shape[0])
        with torch.autocast(device.type, enabled=False):
            return self.decoder.new_cache(rows, length, group, memory, device, dtype)

    def _encode(self, batch: Batch, dtype: torch.dtype) -> Tensor:
        assert self.encoder is not None
        place = place_of(batch.tokens, batch.segments, batch.positions)
        return self.encoder(self.embedding(batch.tokens, place.position, dtype), place, batch.padding, batch.packed)

    def _memory(self, batch: Batch, dtype: torch.dtype) -> Memory:
        assert self.encoder is not None
        if batch.source is None:
            raise ConfigError(Problem("batch.source", "an encoder-decoder reads a source beside its tokens"))
        place = place_of(batch.source, batch.source_segments, batch.source_positions)
        x = (self.encoder_embedding or self.embedding)(batch.source, place.position, dtype)
        return Memory(self.encoder(x, place, batch.source_padding, batch.packed), batch.source_segments, batch.source_padding, batch.packed)

    def _remembered(self, cache: KVCache) -> Memory:
        """The memory of a cache: its keys are in the layers, only where it is real matters."""
        cross = cache.layers[0].cross
        assert cross is not None
        return Memory(cross.k[:, 0], cache.memory_segments, cache.memory_padding)


def _cross_misfits(name: str, stack: Stack.Config, has_encoder: bool) -> Iterator[tuple[str, str]]:
    crossing = [block.cross_attention is not None for block in (*stack.first, *stack.blocks)]
    if name == "encoder" and any(crossing):
        yield "blocks", "an encoder has nothing to attend across to; remove cross_attention from its blocks"
    if name == "decoder" and has_encoder and not any(crossing):
        yield "blocks", "this decoder never reads the encoder; give its blocks a cross_attention or remove the encoder"
    if name == "decoder" and not has_encoder and any(crossing):
        yield "blocks", "cross_attention needs an encoder to attend to; remove it from the blocks or add an encoder"
