"""Who watches a training run: files, screens, samples. None of them changes what is computed."""

from anyformer.training.observers.console import Console
from anyformer.training.observers.metrics_file import TIME_FIELDS, MetricsFile, read_metrics
from anyformer.training.observers.observer import Now, Observer
from anyformer.training.observers.samples import Samples
from anyformer.training.observers.tensorboard import TensorBoard

__all__ = ["TIME_FIELDS", "Console", "MetricsFile", "Now", "Observer", "Samples", "TensorBoard", "read_metrics"]
