"""What a search may not do: tokens that are never written, repeated n-grams, an early end; and the penalty on repetition.

R rows, V vocabulary, t tokens written so far.
"""

from __future__ import annotations

import torch
from torch import Tensor

from anyformer.decoding.hypothesis import Special
from anyformer.decoding.search_config import SearchConfig

NEVER = float("-inf")


class Constraints:
    """A `SearchConfig`'s rules on tokens, as operations on whole batches."""

    def __init__(self, config: SearchConfig, special: Special, device: torch.device):
        self.penalty, self.ngram, self.min_length = config.repetition_penalty, config.no_repeat_ngram, config.min_length
        self.special = special
        never = [i for i in (special.pad, special.bos, special.unk) if i >= 0 and i != special.eos]  # imported models have them in one, or not at all
        self._unwritten = torch.tensor(never, device=device, dtype=torch.int64)
        self._unwritten_nor_ended = torch.tensor([*never, *([special.eos] if special.eos >= 0 else [])], device=device, dtype=torch.int64)

    def penalize_(self, logits: Tensor, history: Tensor) -> Tensor:
        """Logits [R, V] with those of tokens in history [R, t] made smaller (Keskar et al. 2019, 4.1), in place."""
        if self.penalty == 1.0 or history.shape[1] == 0:
            return logits
        seen = logits.gather(1, history)
        return logits.scatter_(1, history, torch.where(seen > 0, seen / self.penalty, seen * self.penalty))

    def forbid_(self, log_probs: Tensor, history: Tensor) -> Tensor:
        """Log-probabilities [R, V] with what may not follow history [R, t] at -inf, in place; not renormalised."""
        t = history.shape[1]
        log_probs.index_fill_(1, self._unwritten if t >= self.min_length else self._unwritten_nor_ended, NEVER)
        if self.ngram and t >= self.ngram:
            windows = history.unfold(1, self.ngram, 1)  # [R, t - n + 1, n]: all n-grams so far
            repeats = (windows[..., :-1] == history[:, t - self.ngram + 1 :].unsqueeze(1)).all(-1)
            log_probs.scatter_(1, torch.where(repeats, windows[..., -1], self.special.pad), NEVER)
        return log_probs
