"""The model card, in Markdown."""

from training.report.card.page import card_of

__all__ = ["card_of"]
