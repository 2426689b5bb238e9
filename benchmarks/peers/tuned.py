"""The settings that each server runs with, why, and the grid that `--tune` tries them against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

Settings = Mapping[str, int | float | str]


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings of one server.

    Attributes:
        settings: by name.
        why: the reason, for the report.
        grid: the values that `--tune` tries, all combinations; the other settings stay.
    """

    settings: Settings
    why: str
    grid: Mapping[str, tuple[int | float | str, ...]]

    def combinations(self) -> list[dict[str, int | float | str]]:
        """All combinations of the grid, the chosen one first."""
        names = list(self.grid)
        tried = [
            {**self.settings, **dict(zip(names, row, strict=True))} for row in product(*self.grid.values())
        ]
        return [dict(self.settings), *(row for row in tried if row != self.settings)]


# Servers without a queue limit never refuse; in the closed loops this one does not either.
_NO_REFUSALS = {"max_queue_seconds": 60}

CHOSEN: Mapping[str, Choice] = {
    "ours": Choice(
        {"workers": 1, **_NO_REFUSALS},
        "half the memory; shows what a second worker adds",
        {"workers": (1, 2), "max_batch_wait": (0.0, 0.0005)},
    ),
    "ours-2": Choice(
        {"workers": 2, **_NO_REFUSALS},
        "a worker for each core; a batch takes all waiting requests, without a timer",
        {},
    ),
    "triton": Choice(
        {"workers": 2, "max_batch": 256, "preferred": 16, "delay_us": 0, "http_threads": 8},
        "an instance for each core; batches of half of the connections, so that both have work",
        {"workers": (1, 2), "preferred": (8, 16), "delay_us": (0, 200, 500), "http_threads": (2, 8)},
    ),
    "mosec": Choice(
        {"workers": 2, "max_batch": 16, "wait_ms": 1},
        "a process for each core; batches of half of the connections, so that both have work",
        {"workers": (1, 2), "max_batch": (8, 16, 64), "wait_ms": (1, 5)},
    ),
    "baseline": Choice(
        {"workers": 2, "max_batch": 16},
        "a worker for each core",
        {"workers": (1, 2), "max_batch": (8, 16, 256)},
    ),
    "litserve": Choice(
        {"workers": 2, "fronts": 2, "max_batch": 16, "wait_ms": 1, "fast_queue": 1, "decode": "bytes"},
        "bodies go through its queue as bytes, cheaper than lists of Python numbers; its HTTP front is what "
        "limits it, so there are two",
        {"workers": (1, 2), "fronts": (1, 2), "max_batch": (16, 64), "decode": ("dict", "bytes")},
    ),
    "bentoml": Choice(
        {"workers": 2, "max_batch": 256, "wait_ms": 1000},
        "a worker for each core; a tight latency makes its dispatcher refuse",
        {"workers": (1, 2), "wait_ms": (100, 1000)},
    ),
    "ray": Choice(
        {"workers": 2, "max_batch": 64, "wait_ms": 1},
        "a replica for each core",
        {"workers": (1, 2), "max_batch": (32, 64), "wait_ms": (1, 5)},
    ),
    "naive": Choice({}, "as in the tutorial", {}),
}
