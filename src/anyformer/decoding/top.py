"""Log-probabilities over a wide vocabulary and the best few of each row, at the speed of the memory.

R rows, V columns, k wanted. `torch.topk` walks a wide row one by one; maxima of groups of columns are vectorised, and
the k best of a row lie in the k groups with the greatest maxima. One core, 160 x 9,537, k = 5: 0.5 ms against 1.8.
"""

from __future__ import annotations

import torch
from torch import Tensor

GROUP = 64


def log_softmax_(logits: Tensor) -> Tensor:
    """log softmax [R, V] in fp32; on CPUs in the memory of fp32 `logits`.

    Torch's fused kernel keeps a row in the cache: 0.8 ms for 160 x 9,537, where logsumexp alone takes 1.5.
    """
    if logits.device.type == "cpu" and logits.dtype == torch.float32:
        return torch.log_softmax(logits, -1, out=logits)
    return torch.log_softmax(logits, -1, dtype=torch.float32)


def top_k(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Values and columns [R, k] of the k greatest of each row of x [R, V], greatest first; exact. `k` is at most V."""
    rows, width = x.shape
    n_groups = width // GROUP
    if n_groups <= 2 * k:
        return x.topk(k)
    groups = x[:, : n_groups * GROUP].unflatten(1, (n_groups, GROUP))  # [R, V // 64, 64]
    chosen = groups.amax(2).topk(k, sorted=False).indices  # [R, k]
    members = groups[torch.arange(rows, device=x.device).unsqueeze(1), chosen].flatten(1)  # [R, k * 64]
    columns = (chosen.unsqueeze(2) * GROUP + torch.arange(GROUP, device=x.device)).flatten(1)
    if width % GROUP:
        rest = torch.arange(n_groups * GROUP, width, device=x.device)
        members, columns = torch.cat([members, x[:, n_groups * GROUP :]], 1), torch.cat([columns, rest.expand(rows, -1)], 1)
    values, at = members.topk(k)
    return values, columns.gather(1, at)
