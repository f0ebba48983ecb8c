"""How good translations are: BLEU, chrF, exact match, perplexity and speed."""

from anyformer.evaluation.config import EvaluateConfig
from anyformer.evaluation.evaluation import Evaluation, evaluate
from anyformer.evaluation.metrics import Metric

__all__ = ["EvaluateConfig", "Evaluation", "Metric", "evaluate"]
