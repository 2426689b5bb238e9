"""The state of a service, for health probes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The lifecycle of a service; it only moves forward."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    CLOSED = "closed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """The answers to the probes; `reasons` explains each that is negative."""

    state: State
    started: bool
    ready: bool
    alive: bool
    reasons: tuple[str, ...]
