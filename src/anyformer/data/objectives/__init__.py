"""What a model is trained to do with a text: the menu of the recipe's section `objective`."""

from anyformer.data.objectives.base import BoundObjective, Example, Objective
from anyformer.data.objectives.language import BoundLanguage, CausalLM, PrefixLM
from anyformer.data.objectives.masked import BoundMasked, MaskedLM
from anyformer.data.objectives.translation import BoundTranslation, Translation

__all__ = ["BoundLanguage", "BoundMasked", "BoundObjective", "BoundTranslation", "CausalLM", "Example", "MaskedLM", "Objective", "PrefixLM", "Translation"]
