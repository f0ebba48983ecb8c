"""Pictures of what a model does and how it was trained: attention maps, losses. Imports matplotlib, so import it late."""

from anyformer.inspection.attention import AttentionMaps, attention_of, attention_weights
from anyformer.inspection.attention_plot import draw_attention
from anyformer.inspection.loss_plot import draw_losses
from anyformer.inspection.picture import Picture

__all__ = ["AttentionMaps", "Picture", "attention_of", "attention_weights", "draw_attention", "draw_losses"]
