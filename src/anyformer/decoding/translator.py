"""`Translator`: texts in, translations out. Tokenizers, batches, search and the order of things around one model."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from anyformer.decoding.beam import beam_search
from anyformer.decoding.context import read, room_of
from anyformer.decoding.greedy import greedy
from anyformer.decoding.hypothesis import Hypothesis, Special
from anyformer.decoding.sampling import sample
from anyformer.decoding.scoring import Score, score_batch
from anyformer.decoding.search_config import SearchConfig
from anyformer.decoding.sentences import Layout, lay_out, put_together
from anyformer.errors import InputError, Problem

DEFAULT_SEARCH = SearchConfig(beam=5)
NOTHING = Hypothesis((), 0.0, 0.0)

Progress = Callable[[int, int], None]
"""Called with (pieces done, pieces in all) after each batch."""


class Candidate(NamedTuple):
    """One way to translate a text."""

    text: str
    score: float  # log_prob / tokens**length_penalty, ends of sentences counted
    log_prob: float  # natural logarithm
    ids: tuple[int, ...]  # without special ids


class Translation(NamedTuple):
    """The best candidate, and all of them."""

    text: str
    score: float
    log_prob: float
    ids: tuple[int, ...]
    n_best: tuple[Candidate, ...]  # best first, the best included


class Translator:
    """A model that writes, between two tokenizers.

    Args:
        model: an encoder-decoder `Model`, or a decoder, which goes on from the source; stays on its device and in the mode (training or not) it is in.
        search: what `translate` does unless told otherwise.
        max_source_length: source tokens, end of sentence counted; a longer sentence is cut at a clause or between words.
        precision: fp32, or bf16 by autocast.
    """

    def __init__(
        self,
        model: Any,
        source_tokenizer: Any,
        target_tokenizer: Any,
        *,
        search: SearchConfig = DEFAULT_SEARCH,
        max_source_length: int = 256,
        precision: Literal["fp32", "bf16"] = "fp32",
    ):
        if max_source_length < 2:
            raise InputError(Problem("max_source_length", f"must be at least 2 (a token and the end of sentence), got {max_source_length}"))
        self.model, self.source_tokenizer, self.target_tokenizer = model, source_tokenizer, target_tokenizer
        self.search, self.precision = search, precision
        self.room, self.one_stack = room_of(model), getattr(model, "encoder", model) is None
        # one stack has source and translation in one table of positions, where it has a table
        self.max_source_length = max_source_length if self.room is None else max(2, min(max_source_length, self.room // 2 if self.one_stack else self.room))
        self.special = Special(target_tokenizer.pad_id, target_tokenizer.bos_id, target_tokenizer.eos_id, target_tokenizer.unk_id)

    # ---- translating

    def translate(
        self,
        texts: Sequence[str],
        config: SearchConfig | None = None,
        *,
        batch_size: int = 32,
        sentences_apart: bool = True,
        progress: Progress | None = None,
        first: int = 0,
        **search: Any,
    ) -> list[Translation]:
        """Translates texts, in their order.

        Args:
            config: how to search; `search` changes single fields of it (`beam=5`, `temperature=0.8`).
            batch_size: sentences searched at once. The results do not depend on it.
            sentences_apart: translates each sentence of a text for itself: a model that has learned from single sentences
                is apt to leave out a second one. False: lines stay whole, up to `max_source_length`, as in a test set.
            first: number of the first text in what it is part of; sampling draws by (seed, number).

        Raises:
            ConfigError: a search that cannot be. InputError: what is no list of texts.
        """
        config, texts = self._search(config, search), _checked(texts, batch_size)
        layouts = [lay_out(text, self.max_source_length, self._lengths, sentences_apart) for text in texts]
        draws = config.n_best if config.samples else 1
        pieces = [(n, k, piece.text) for n, layout in enumerate(layouts) for k, piece in enumerate(layout.pieces)]
        sources = self._encode([text for _, _, text in pieces])
        found = [[] if len(source) > 1 else [NOTHING] for source in sources]  # what a tokenizer makes nothing of is left out
        jobs = [_Job((first + n, k, d), i, sources[i]) for i, (n, k, _) in enumerate(pieces) if not found[i] for d in range(draws)]
        done = 0
        with self.ready() as model:
            for batch in _batches(jobs, batch_size):
                for job, hypotheses in zip(batch, self._find(model, batch, config), strict=True):
                    found[job.piece] += hypotheses
                done += len(batch)
                if progress:
                    progress(done, len(jobs))
        ranked = iter([sorted(hypotheses, key=lambda h: -h.score) for hypotheses in found])
        return [self._finish(layout, list(islice(ranked, len(layout.pieces))), config) for layout in layouts]

    def stream(
        self, lines: Iterable[str], config: SearchConfig | None = None, *, batch_size: int = 32, window: int = 16, **options: Any
    ) -> Iterator[Translation]:
        """Translates lines as they come, in constant memory: `window` batches are read, sorted by length, and handed on in order.

        `options` are those of `translate`.
        """
        remaining, first = iter(lines), 0
        while chunk := list(islice(remaining, batch_size * window)):
            yield from self.translate(chunk, config, batch_size=batch_size, first=first, **options)
            first += len(chunk)

    # ---- scoring

    def score(self, pairs: Sequence[tuple[str, str]], *, batch_size: int = 32, progress: Progress | None = None) -> list[Score]:
        """The log-probability of each given translation (pairs of source and target), token by token.

        Raises:
            InputError: names every pair of which a side is longer than `max_source_length`.
        """
        sources, targets = self._sides(pairs)
        problems = [
            Problem(f"pair {n}, {side}", f"{len(ids)} tokens; at most {self.max_source_length} can be scored at once: give its sentences one by one")
            for n, sides in enumerate(zip(sources, targets, strict=True), start=1)
            for side, ids in zip(("source", "target"), sides, strict=True)
            if not self._fits(ids)
        ]
        problems += [
            Problem(f"pair {n}", f"{len(source)} and {len(target)} tokens; the model has positions for {self.room}: give its sentences one by one")
            for n, (source, target) in enumerate(zip(sources, targets, strict=True), start=1)
            if self._fits(source) and self._fits(target) and not self._fit(source, target)
        ]
        if problems:
            raise InputError(*problems)
        order = sorted(range(len(pairs)), key=lambda i: (-len(sources[i]) - len(targets[i]), i))
        scores: list[Score | None] = [None] * len(pairs)
        with self.ready() as model:
            for start in range(0, len(order), batch_size):
                chosen = order[start : start + batch_size]
                found = score_batch(model, [sources[i] for i in chosen], [targets[i] for i in chosen], self.special, self.device)
                for i, score in zip(chosen, found, strict=True):
                    scores[i] = score
                if progress:
                    progress(min(start + batch_size, len(order)), len(order))
        return [score for score in scores if score is not None]

    def can_score(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Which pairs are short enough for `score`."""
        return [self._fits(source) and self._fits(target) and self._fit(source, target) for source, target in zip(*self._sides(pairs), strict=True)]

    @contextlib.contextmanager
    def ready(self) -> Iterator[Any]:
        """The model to compute with: no gradients, no dropout, the precision asked for; afterwards it is as it was."""
        with ready(self.model, self.device, self.precision) as model:
            yield model

    # ---- the parts

    def _sides(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[list[int]], list[list[int]]]:
        """Ids of the sources, with their ends of sentences, and of the targets, without."""
        sources = self.source_tokenizer.encode_batch([source for source, _ in pairs])
        begin, end = self.source_tokenizer.begin, self.source_tokenizer.end
        return [[*begin, *ids, *end] for ids in sources], self.target_tokenizer.encode_batch([target for _, target in pairs])

    def _fits(self, ids: list[int]) -> bool:
        return len(ids) <= self.max_source_length

    def _fit(self, source: list[int], target: list[int]) -> bool:
        """Whether the model has positions for both: in one table, or for the target behind a begin of sentence in its own."""
        return self.room is None or (len(source) if self.one_stack else 1) + len(target) <= self.room

    def _limit(self, config: SearchConfig, source: int) -> int:
        """The most tokens that may be written: those asked for, as far as the model has positions."""
        most = config.limit(source)
        return most if self.room is None else max(1, min(most, self.room - (source if self.one_stack else 1)))

    @property
    def device(self) -> torch.device:
        return next((p.device for p in self.model.parameters()), torch.device("cpu"))

    def _search(self, config: SearchConfig | None, changes: dict[str, Any]) -> SearchConfig:
        base = config or self.search
        if not changes:
            return base
        draws = base.beam > 1 and changes.get("temperature", 0) and "beam" not in changes
        return SearchConfig.from_dict(base.to_dict() | ({"beam": 1} if draws else {}) | changes)

    def _encode(self, texts: list[str]) -> list[list[int]]:
        """Source ids with the end of sentence."""
        begin, end = self.source_tokenizer.begin, self.source_tokenizer.end
        limit = self.max_source_length - len(begin) - len(end)  # only a single character of many bytes can be longer
        return [[*begin, *ids[:limit], *end] for ids in self.source_tokenizer.encode_batch(texts)]

    def _lengths(self, texts: list[str]) -> list[int]:
        marks = len(self.source_tokenizer.begin) + len(self.source_tokenizer.end)
        return [len(ids) + marks for ids in self.source_tokenizer.encode_batch(texts)]

    def _find(self, model: Any, batch: list[_Job], config: SearchConfig) -> list[list[Hypothesis]]:
        memory = read(model, [job.source for job in batch], self.special, self.device)
        limits = [self._limit(config, len(job.source)) for job in batch]
        if config.samples:
            return sample(model, memory, limits, config, [job.name for job in batch], self.special)
        return (greedy if config.beam == 1 else beam_search)(model, memory, limits, config, self.special)

    def _finish(self, layout: Layout, found: list[list[Hypothesis]], config: SearchConfig) -> Translation:
        """Puts the pieces of one text together; the n-th best of a text is made of the n-th best of its pieces."""
        candidates = []
        for rank in range(max((len(hypotheses) for hypotheses in found), default=1)):
            chosen = [hypotheses[min(rank, len(hypotheses) - 1)] for hypotheses in found]
            ids = tuple(i for h in chosen for i in h.ids)
            log_prob = sum((h.log_prob for h in chosen), 0.0)
            text = put_together(layout, self.target_tokenizer.decode_batch([list(h.ids) for h in chosen])) if chosen else layout.before
            candidates.append(Candidate(text, log_prob / max(len(ids) + len(chosen), 1) ** config.length_penalty, log_prob, ids))
        return Translation(*candidates[0], n_best=tuple(candidates))


@contextlib.contextmanager
def ready(model: Any, device: torch.device, precision: Literal["fp32", "bf16"]) -> Iterator[Any]:
    """The model to compute with: no gradients, no dropout, this precision; afterwards it is as it was."""
    training = model.training
    model.eval()
    try:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            yield in_bf16(model) if precision == "bf16" else model
    finally:
        model.train(training)


def in_bf16(model: Any) -> Any:
    """A copy with bf16 parameters, so that they are not converted anew at every step; the model itself stays as it is."""
    if not isinstance(model, nn.Module) or all(p.dtype == torch.bfloat16 for p in model.parameters()):
        return model
    converted = {id(p): nn.Parameter(p.to(torch.bfloat16), requires_grad=False) for p in model.parameters()}
    return copy.deepcopy(model, dict(converted))


class _Job(NamedTuple):
    """A piece to be searched for; drawn ones come n_best times."""

    name: tuple[int, int, int]  # of the text, its piece, the draw
    piece: int  # number among all pieces
    source: list[int]


def _batches(jobs: list[_Job], size: int) -> Iterator[list[_Job]]:
    """The longest first, so that little is padded, sentences end together, and too large a batch is known at once."""
    ordered = sorted(jobs, key=lambda job: (-len(job.source), job.name))
    return (ordered[start : start + size] for start in range(0, len(ordered), size))


def _checked(texts: Sequence[str], batch_size: int) -> list[str]:
    problems = [Problem(f"text {n}", f"expected a text, got {text!r}") for n, text in enumerate(texts, start=1) if not isinstance(text, str)]
    if isinstance(texts, str):
        problems = [Problem("texts", "expected a list of texts, got one text: put it into a list")]
    if batch_size < 1:
        problems.append(Problem("batch_size", f"must be at least 1, got {batch_size}"))
    if problems:
        raise InputError(*problems)
    return list(texts)
