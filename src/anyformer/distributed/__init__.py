"""Training in several processes: who is there, and sums over all of them."""

from anyformer.distributed.gradients import sum_gradients, sum_tensors
from anyformer.distributed.workers import can_travel, share_of, workers
from anyformer.distributed.world import World, threads

__all__ = ["World", "can_travel", "share_of", "sum_gradients", "sum_tensors", "threads", "workers"]
