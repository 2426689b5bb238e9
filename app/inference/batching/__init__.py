"""Micro-batching: requests that wait at the same time are computed in one engine call."""

from app.inference.batching.background import BackgroundQueue
from app.inference.batching.batcher import MicroBatcher
from app.inference.batching.chunks import CHUNK_SECONDS, BackgroundResult, Chunk
from app.inference.batching.observer import BackgroundObserver, BatchObserver, BatchResult
from app.inference.batching.queue import Entry

__all__ = [
    "CHUNK_SECONDS",
    "BackgroundObserver",
    "BackgroundQueue",
    "BackgroundResult",
    "BatchObserver",
    "BatchResult",
    "Chunk",
    "Entry",
    "MicroBatcher",
]
