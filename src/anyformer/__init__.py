"""anyformer: one set of parts, every Transformer."""

__version__ = "0.1.0"
