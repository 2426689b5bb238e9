"""Runtimes that compute predictions, behind one protocol; one file a runtime."""

from app.inference.engines.base import Engine
from app.inference.engines.loading import CHOICES, load_engine

__all__ = ["CHOICES", "Engine", "load_engine"]
