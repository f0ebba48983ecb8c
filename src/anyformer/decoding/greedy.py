"""One hypothesis a row: greedy search, and the walk that sampling shares with it.

B sentences still unfinished, V vocabulary, L longest limit, t tokens written so far.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from anyformer.decoding.constraints import Constraints
from anyformer.decoding.hypothesis import SPECIAL, Finished, Hypothesis, Special
from anyformer.decoding.search_config import SearchConfig
from anyformer.decoding.steps import start, steps_from
from anyformer.decoding.top import log_softmax_, top_k

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""(log-probabilities [B, V], numbers of the sentences [B], t) -> tokens [B]."""


Watch = Callable[[Tensor, Tensor], None]
"""(numbers of the sentences [B], what was written for each, tokens [B])."""


def greedy(model: Any, memory: Any, limits: list[int], config: SearchConfig, special: Special = SPECIAL, watch: Watch | None = None) -> list[list[Hypothesis]]:
    """The most probable token at each step. Arguments as of `walk`."""
    return walk(model, memory, limits, config, lambda log_probs, _, __: top_k(log_probs, 1)[1].squeeze(1), special, watch)


def walk(
    model: Any,
    memory: Any,
    limits: list[int],
    config: SearchConfig,
    choose: Choose,
    special: Special = SPECIAL,
    watch: Watch | None = None,
) -> list[list[Hypothesis]]:
    """Writes each sentence token by token as `choose` says, until its end of sentence.

    Args:
        memory: the encoded sources, or the prompts (`Prompt`), a row a sentence.
        limits: the most tokens each translation may have; there its end of sentence is set.

        watch: told of each token as it is written, ends of sentences too.

    Returns: for each sentence a list of one hypothesis.
    """
    steps, finished = steps_from(model, memory, 1, max(limits) + 1), Finished(len(limits))
    device = steps.device
    rules = Constraints(config, special, device)
    tokens, history = start(len(limits), special.bos, max(limits), device)
    sentences, log_prob = torch.arange(len(limits), device=device), torch.zeros(len(limits), device=device)
    limit, shortest = torch.tensor(limits, device=device), min(limits)
    for t in range(max(limits) + 1):
        so_far = history[:, :t]
        log_probs = rules.forbid_(log_softmax_(rules.penalize_(steps.logits(tokens), so_far)), so_far)
        tokens = choose(log_probs, sentences, t)
        if t >= shortest:
            tokens = tokens.masked_fill(limit == t, special.eos)
        if watch:
            watch(sentences, tokens)
        log_prob = log_prob + log_probs.gather(1, tokens.unsqueeze(1)).squeeze(1)
        history[:, t] = tokens
        going = (tokens != special.eos).nonzero().squeeze(1)
        if len(going) == len(tokens):
            continue
        over = (tokens == special.eos).nonzero().squeeze(1)
        total, lengths = log_prob[over].unsqueeze(1), torch.full((len(over), 1), t, device=device)
        finished.add(sentences[over], history[over, :t].unsqueeze(1), lengths, total, total / (t + 1) ** config.length_penalty)
        if len(going) == 0:
            break
        steps.keep(going, going)
        tokens, history, sentences, log_prob, limit = (x[going] for x in (tokens, history, sentences, log_prob, limit))
    return finished.hypotheses()
