"""What an artifact promises about neighbours: the model's embedding, and the index of training series."""

from app.contract.neighbours.file import NEIGHBOURS_FILE, NeighbourFile, read_neighbours
from app.contract.neighbours.search import nearest
from app.contract.neighbours.series import StoredSeries, largest_error, store_series
from app.contract.neighbours.spec import EmbeddingSpec, ExtraContent, ExtraOutputs, NeighboursSpec

__all__ = [
    "NEIGHBOURS_FILE",
    "EmbeddingSpec",
    "ExtraContent",
    "ExtraOutputs",
    "NeighbourFile",
    "NeighboursSpec",
    "StoredSeries",
    "largest_error",
    "nearest",
    "read_neighbours",
    "store_series",
]
