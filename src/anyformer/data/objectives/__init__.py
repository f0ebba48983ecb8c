"""What a model is trained to do with a text: the menu of the recipe's section `objective`."""

from anyformer.data.objectives.base import BoundObjective, Example, Objective
from anyformer.data.objectives.translation import BoundTranslation, Translation

__all__ = ["BoundObjective", "BoundTranslation", "Example", "Objective", "Translation"]
