"""Training: `Trainer` takes functions (model, loss, batches, evaluation) and a `TrainConfig`, and leaves saved steps."""

from anyformer.training.allocator import keep_freed_memory
from anyformer.training.config import BestSteps, Checkpoints, LastSteps, Limits, Rollback, Step, Stop, TrainConfig
from anyformer.training.observers import TIME_FIELDS, Console, MetricsFile, Now, Observer, Samples, TensorBoard, read_metrics
from anyformer.training.optimizers import AdamW, Muon, Optimizer
from anyformer.training.precision import Choice, choose_precision, matrix_shapes
from anyformer.training.result import Result
from anyformer.training.schedules import Cosine, InverseSqrt, Linear, Noam, Schedule, WarmupStableDecay
from anyformer.training.trainer import Trainer

__all__ = [
    "TIME_FIELDS",
    "AdamW",
    "BestSteps",
    "Checkpoints",
    "Choice",
    "Console",
    "Cosine",
    "InverseSqrt",
    "LastSteps",
    "Limits",
    "Linear",
    "MetricsFile",
    "Muon",
    "Noam",
    "Now",
    "Observer",
    "Optimizer",
    "Result",
    "Rollback",
    "Samples",
    "Schedule",
    "Step",
    "Stop",
    "TensorBoard",
    "TrainConfig",
    "Trainer",
    "WarmupStableDecay",
    "choose_precision",
    "keep_freed_memory",
    "matrix_shapes",
    "read_metrics",
]
