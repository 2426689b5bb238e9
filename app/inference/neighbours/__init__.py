"""Neighbours: the training series whose embeddings are nearest to that of a series."""

from app.inference.neighbours.finder import LoadEmbedder, NeighbourFinder
from app.inference.neighbours.results import NeighbourOptions, Neighbours

__all__ = ["LoadEmbedder", "NeighbourFinder", "NeighbourOptions", "Neighbours"]
