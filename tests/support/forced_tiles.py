"""Tiles where they would not pay: for tests on short texts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

from anyformer.parts import tiles


@contextlib.contextmanager
def forced_tiles(size: int) -> Iterator[None]:
    """Whatever a mask saves, it is cut into blocks of `size` tokens."""
    tiles.tile_plain.cache_clear()
    with mock.patch.multiple(tiles, _sizes=lambda mask: {size}, AT_LEAST=0, OVERHEAD=0, SHARE=10.0):
        yield
    tiles.tile_plain.cache_clear()
