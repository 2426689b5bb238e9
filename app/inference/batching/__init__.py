"""Micro-batching: requests that wait at the same time are computed in one engine call."""

from app.inference.batching.batcher import MicroBatcher
from app.inference.batching.observer import BatchObserver, BatchResult
from app.inference.batching.queue import Entry

__all__ = ["BatchObserver", "BatchResult", "Entry", "MicroBatcher"]
