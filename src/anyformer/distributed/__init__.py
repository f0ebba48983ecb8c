"""Training in several processes: who is there, and sums over all of them."""

from anyformer.distributed.gradients import sum_gradients, sum_tensors
from anyformer.distributed.world import World

__all__ = ["World", "sum_gradients", "sum_tensors"]
