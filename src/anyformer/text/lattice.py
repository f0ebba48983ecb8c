"""All the ways to cut each of many words into pieces, as one graph: nodes are places between characters, edges are pieces.

Legend: E edges, W words, P pieces, V nodes. A word of n characters has n + 1 nodes. Edges are worked through position by position, all words at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Lattice:
    """The graph of `words` over `pieces` (piece -> index), among which must be each of their characters.

    `whole=False` leaves out the edge that is the whole word.
    """

    def __init__(self, words: Sequence[str], pieces: Mapping[str, int], whole: bool = True):
        longest = max(map(len, pieces), default=1)
        sizes = np.array([len(word) + 1 for word in words], dtype=np.int64)
        self.first: Ints = np.cumsum(sizes) - sizes  # [W] node before the first character
        self.last: Ints = self.first + sizes - 1  # [W] node after the last
        self.n_nodes = int(sizes.sum())
        edges: Ints = np.fromiter(_edges(words, self.first.tolist(), pieces, longest, whole), dtype=np.dtype((np.int64, 5)))  # type: ignore[assignment]
        columns = edges.reshape(-1, 5).T.copy()
        _, start, end, start_position, end_position = columns
        self._set(columns[:, np.lexsort((end, end_position))], columns[:, np.lexsort((start, -start_position))])

    def _set(self, by_end: Ints, by_start: Ints) -> None:
        """Takes the edges in the two orders in which they are worked through, each [5, E]."""
        self._by_end, self._by_start = by_end, by_start
        self.piece, self.start, end, _, end_position = by_end
        self._forward = _groups(end, end_position)
        self._backward = _groups(by_start[1], by_start[3])

    def keep(self, new_index: Ints) -> None:
        """Renames the pieces, new_index [P], and drops the edges of those that become -1."""
        for edges in (self._by_end, self._by_start):
            edges[0] = new_index[edges[0]]
        self._set(self._by_end[:, self._by_end[0] >= 0], self._by_start[:, self._by_start[0] >= 0])

    def expected(self, log_p: Floats, weights: Floats) -> Floats:
        """How often each piece is expected, [P], over all ways to cut each word, which counts `weights` [W] times (forward-backward)."""
        alpha, beta = self._start(self.first), self._start(self.last)
        for edges, nodes, borders in self._forward:
            alpha[nodes] = np.logaddexp.reduceat(alpha[self.start[edges]] + log_p[self.piece[edges]], borders)
        piece, start, end = self._by_start[:3]
        for edges, nodes, borders in self._backward:
            beta[nodes] = np.logaddexp.reduceat(beta[end[edges]] + log_p[piece[edges]], borders)
        sizes = self.last - self.first + 1
        total, weight = np.repeat(alpha[self.last], sizes), np.repeat(weights, sizes)  # log-probability and weight of the word at each of its nodes, [V]
        posterior = np.exp(alpha[start] + log_p[piece] + beta[end] - total[start])
        return np.bincount(piece, posterior * weight[start], minlength=len(log_p)).astype(np.float64)

    def best(self, log_p: Floats) -> Iterator[tuple[Ints, Ints]]:
        """The most probable way to cut each word (Viterbi), from its end: pairs of word indices and the piece that each of them has there."""
        alpha = self._start(self.first)
        chosen = np.full(self.n_nodes, -1, dtype=np.int64)  # node -> the edge by which it is best reached
        for edges, nodes, borders in self._forward:
            scores = alpha[self.start[edges]] + log_p[self.piece[edges]]
            best = np.maximum.reduceat(scores, borders)
            alpha[nodes] = best
            group = np.repeat(np.arange(len(nodes)), np.diff(np.append(borders, len(scores))))
            hits = np.flatnonzero(scores == best[group])
            chosen[nodes] = edges.start + hits[np.unique(group[hits], return_index=True)[1]]
        words = np.flatnonzero(chosen[self.last] >= 0)
        at = self.last[words]
        while len(words):
            edge = chosen[at]
            yield words, self.piece[edge]
            at = self.start[edge]
            open_ = at != self.first[words]
            words, at = words[open_], at[open_]

    def _start(self, nodes: Ints) -> Floats:
        values = np.full(self.n_nodes, -np.inf)
        values[nodes] = 0.0
        return values


def _edges(words: Sequence[str], firsts: Sequence[int], pieces: Mapping[str, int], longest: int, whole: bool) -> Iterator[Any]:
    """(piece, start node, end node, start position, end position) of each piece in each word."""
    for word, first in zip(words, firsts, strict=True):
        n = len(word)
        for i in range(n):
            for j in range(i + 1, min(n, i + longest) + 1):
                piece = pieces.get(word[i:j])
                if piece is not None and (whole or j - i < n):
                    yield piece, first + i, first + j, i, j


def _groups(node: Ints, position: Ints) -> list[tuple[slice, Ints, Ints]]:
    """For edges sorted by position and node: a slice of edges for each position, the nodes they meet in, and where in the slice each node's edges begin."""
    spans = itertools.pairwise([*_begins(position), len(position)])
    groups = ((slice(start, stop), np.array(_begins(node[start:stop]))) for start, stop in spans)
    return [(edges, node[edges][begins], begins) for edges, begins in groups]


def _begins(values: Ints) -> list[int]:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.diff(values, prepend=-1)).tolist()
