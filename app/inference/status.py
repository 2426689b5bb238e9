"""What the probes ask of a service: where it is in its life, and what is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where the service is in its one-way life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    CLOSED = "closed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """What the probes answer with. `reasons` says why something is not as it should be."""

    state: State
    started: bool
    ready: bool
    alive: bool
    reasons: tuple[str, ...]
