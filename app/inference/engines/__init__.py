"""Runtimes that compute predictions, behind one protocol; one file for each runtime."""

from app.inference.engines.base import Engine
from app.inference.engines.loading import load_embedder, load_engine

__all__ = ["Engine", "load_embedder", "load_engine"]
