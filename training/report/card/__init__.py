"""The model card: what the model is, what it was trained on, what it is worth, where it ends."""

from training.report.card.page import card_of

__all__ = ["card_of"]
