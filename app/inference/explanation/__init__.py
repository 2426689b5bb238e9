"""Explanations: how the probability of a class changes when parts of a series are perturbed."""

from app.inference.explanation.options import ExplainOptions, sealed_perturbations
from app.inference.explanation.results import Explanations, Part, Regions

__all__ = ["ExplainOptions", "Explanations", "Part", "Regions", "sealed_perturbations"]
