"""How good translations are: BLEU, chrF, exact match, perplexity and speed. Of an encoder alone: how well it finds hidden words."""

from anyformer.evaluation.config import EvaluateConfig
from anyformer.evaluation.evaluation import Evaluation, evaluate
from anyformer.evaluation.masked import MaskedEvaluation, evaluate_masked
from anyformer.evaluation.metrics import Metric

__all__ = ["EvaluateConfig", "Evaluation", "MaskedEvaluation", "Metric", "evaluate", "evaluate_masked"]
