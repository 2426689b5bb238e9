"""Micro-batching: requests that wait together are computed together."""

from app.batching.backlog import Entry
from app.batching.batcher import MicroBatcher
from app.batching.observer import Answer, BatchObserver

__all__ = ["Answer", "BatchObserver", "Entry", "MicroBatcher"]
