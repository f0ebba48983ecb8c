"""`Generator`: prompts in, continuations out, from any model that has a decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from torch import Tensor

from anyformer.decoding.beam import beam_search
from anyformer.decoding.context import read
from anyformer.decoding.greedy import Watch, greedy
from anyformer.decoding.hypothesis import Hypothesis, Special
from anyformer.decoding.sampling import sample
from anyformer.decoding.search_config import SearchConfig
from anyformer.decoding.translator import ready
from anyformer.errors import InputError, Problem

DEFAULT_SEARCH = SearchConfig(max_length=200, max_length_relative=(0.0, 1e9), length_penalty=1.0)
OPEN_END = "�"  # what a decoder shows for bytes that are not yet a character


class Continuation(NamedTuple):
    """What was written after a prompt."""

    text: str
    score: float  # log_prob / tokens**length_penalty, the end counted
    log_prob: float  # natural logarithm
    ids: tuple[int, ...]  # without the end of the text


class Generator:
    """A model with a decoder, and its tokenizer.

    An encoder-decoder reads the prompt in its encoder and writes its answer; a decoder goes on where the prompt ends.

    Args:
        begin: ids set before every prompt (the begin of a text, where the model has learned with one).
        end: ids set behind it (the end of sentence that an encoder has learned with).
        room: positions that the model has, prompt and continuation together; None: no limit.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        begin: Sequence[int] = (),
        end: Sequence[int] = (),
        room: int | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
    ):
        self.model, self.tokenizer, self.precision = model, tokenizer, precision
        self.begin, self.end, self.room = list(begin), list(end), room
        self.special = Special(tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id)

    def generate(
        self, prompts: Sequence[str], config: SearchConfig | None = None, *, batch_size: int = 8, on_text: Callable[[str], None] | None = None, **search: Any
    ) -> list[list[Continuation]]:
        """Continues each prompt: for each its continuations, best first (`n_best`; with sampling: the draws).

        Args:
            config: how to search; `search` changes single fields of it (`beam=5`, `temperature=0.8`, `max_length=100`: tokens written).
            on_text: told of the text as it is written; for one prompt, greedy or sampled.

        Raises:
            InputError: a prompt that is empty or longer than the model has room for; `on_text` with more than one prompt or a beam.
        """
        config = SearchConfig.from_dict((config or DEFAULT_SEARCH).to_dict() | search)
        if on_text and (len(prompts) != 1 or config.beam > 1 or config.n_best > 1):
            raise InputError("text can be told as it is written for one prompt, without a beam and n_best")
        sources = self._encode(prompts)
        draws = config.n_best if config.samples else 1
        jobs = sorted(((len(source), n, d) for n, source in enumerate(sources) for d in range(draws)), reverse=True)
        found: list[list[Hypothesis]] = [[] for _ in prompts]
        device = next(self.model.parameters()).device
        with ready(self.model, device, self.precision) as model:
            for start in range(0, len(jobs), batch_size):
                batch = jobs[start : start + batch_size]
                context = read(model, [sources[n] for _, n, _ in batch], self.special, device)
                limits = [self._limit(config, length) for length, _, _ in batch]
                names = [(n, d) for _, n, d in batch]
                watch = None if on_text is None else _Teller(self.tokenizer, self.special.eos, self._before(sources[0]), on_text)
                for (n, _), hypotheses in zip(names, self._find(model, context, limits, config, names, watch), strict=True):
                    found[n] += hypotheses
        before = [self._before(source) for source in sources]
        ranked = [sorted(hypotheses, key=lambda h: -h.score) for hypotheses in found]
        return [[self._told(h, ids) for h in hypotheses] for hypotheses, ids in zip(ranked, before, strict=True)]

    def _find(
        self, model: Any, context: Any, limits: list[int], config: SearchConfig, names: list[tuple[int, int]], watch: Watch | None
    ) -> list[list[Hypothesis]]:
        if config.samples:
            return sample(model, context, limits, config, names, self.special, watch)
        if config.beam > 1:
            return beam_search(model, context, limits, config, self.special)
        return greedy(model, context, limits, config, self.special, watch)

    def _encode(self, prompts: Sequence[str]) -> list[list[int]]:
        sources = [[*self.begin, *ids, *self.end] for ids in self.tokenizer.encode_batch(prompts)]
        most = None if self.room is None else self.room - 1
        problems = [Problem(f"prompt {n}", "is empty: the model needs something to go on from") for n, ids in enumerate(sources, 1) if not ids]
        if most is not None:
            problems += [
                Problem(f"prompt {n}", f"has {len(ids):,} tokens; the model has room for {self.room:,}, of which one is to be written")
                for n, ids in enumerate(sources, 1)
                if len(ids) > most
            ]
        if problems:
            raise InputError(*problems)
        return sources

    def _limit(self, config: SearchConfig, prompt: int) -> int:
        read_elsewhere = getattr(self.model, "encoder", None) is not None
        most = config.max_length if self.room is None else min(config.max_length, self.room - (1 if read_elsewhere else prompt))
        return max(config.min_length, most, 1)

    def _before(self, source: list[int]) -> list[int]:
        """The ids that the written text follows: its first space depends on them."""
        return [] if getattr(self.model, "encoder", None) is not None else source

    def _told(self, found: Hypothesis, before: list[int]) -> Continuation:
        return Continuation(_text_after(self.tokenizer, before, list(found.ids)), found.score, found.log_prob, found.ids)


def _text_after(tokenizer: Any, before: list[int], ids: list[int]) -> str:
    """What `ids` add to the text of the ids before them."""
    start, whole = tokenizer.decode(before), tokenizer.decode([*before, *ids])
    return str(whole[len(start) :] if whole.startswith(start) else tokenizer.decode(ids))


class _Teller:
    """Hands on the text as tokens come: what is new of it, whole characters only."""

    def __init__(self, tokenizer: Any, eos: int, before: list[int], on_text: Callable[[str], None]):
        self.tokenizer, self.eos, self.before, self.on_text = tokenizer, eos, before, on_text
        self.ids: list[int] = []
        self.told = ""

    def __call__(self, _: Tensor, tokens: Tensor) -> None:
        token = int(tokens[0])
        ended = token == self.eos
        if not ended:
            self.ids.append(token)
        text = _text_after(self.tokenizer, self.before, self.ids)
        if text.endswith(OPEN_END) and not ended:
            return
        if text.startswith(self.told) and len(text) > len(self.told):
            self.on_text(text[len(self.told) :])
            self.told = text
