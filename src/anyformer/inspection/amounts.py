"""Large numbers as people read them."""

from __future__ import annotations


def number(value: float) -> str:
    """`12.3 M`: three digits and a unit's prefix."""
    for prefix in ("", "k", "M", "G", "T"):
        if abs(value) < 999.5:
            return f"{value:.3g} {prefix}"
        value /= 1000
    return f"{value:,.3g} P"


def size(n_bytes: float) -> str:
    """`12.3 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if n_bytes < 1023.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:,.0f} PiB"
