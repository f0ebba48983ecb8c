"""From one model to another that starts where it stands: every function takes a model and returns a new one; the old one stays as it is.

What each promises is its proof, and the test of it: the same outputs, or exactly which others.
"""

from anyformer.model.surgery.context import extend_positions, scale_rotary
from anyformer.model.surgery.depth import deepen
from anyformer.model.surgery.heads import group_heads
from anyformer.model.surgery.prefix import to_prefix
from anyformer.model.surgery.upcycle import upcycle
from anyformer.model.surgery.vocabulary import grow_vocabulary

__all__ = ["deepen", "extend_positions", "group_heads", "grow_vocabulary", "scale_rotary", "to_prefix", "upcycle"]
