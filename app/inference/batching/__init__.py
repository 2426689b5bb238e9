"""Micro-batching: requests that wait together are computed together."""

from app.inference.batching.backlog import Entry
from app.inference.batching.batcher import MicroBatcher
from app.inference.batching.observer import Answer, BatchObserver

__all__ = ["Answer", "BatchObserver", "Entry", "MicroBatcher"]
