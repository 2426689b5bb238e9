"""Checks a server's predictions against the golden answers before it is measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.peers.bodies import Array
from benchmarks.peers.errors import HarnessError, PeerError
from benchmarks.peers.servers.base import Peer
from benchmarks.peers.single_requests import ask


@dataclass(frozen=True, slots=True)
class Golden:
    """Golden series, their probabilities, and the tolerance."""

    series: Array
    probabilities: Array
    tolerance: float

    def rows(self, count: int) -> Array:
        """`count` series, repeated from the start if there are fewer."""
        return np.resize(self.series, (count, self.series.shape[1]))


def read_golden(model: Path) -> Golden:
    """An artifact's golden series.

    Raises:
        HarnessError: they cannot be read.
    """
    try:
        contract = json.loads((model / "contract.json").read_text())
        with np.load(model / "golden.npz", allow_pickle=False) as arrays:
            series, probabilities = arrays["series"], arrays["probabilities"]
    except (OSError, ValueError, KeyError) as error:
        raise HarnessError(f"{model} is not an artifact: {error}; pass another with --artifact") from error
    return Golden(series, probabilities, float(contract["output"]["tolerance"]))


def check(peer: Peer, port: int, golden: Golden) -> float:
    """Request every golden series alone, and all together, in each format.

    Returns:
        The largest difference of a probability.

    Raises:
        PeerError: a response is not a prediction, or differs by more than the tolerance.
    """
    worst = 0.0
    for form in peer.forms:
        for start, end in [*((i, i + 1) for i in range(len(golden.series))), (0, len(golden.series))]:
            answer = ask(port, peer.request(form, golden.series[start:end]))
            if answer.status != 200:
                text = answer.body.decode(errors="replace")[:150]
                raise PeerError(f"{form} got status {answer.status}: {text}")
            try:
                difference = _difference(peer.read(answer), golden.probabilities[start:end])
            except (ValueError, KeyError, TypeError) as error:
                raise PeerError(f"{form} got an unreadable response: {error}") from error
            worst = max(worst, difference)
    if not worst <= golden.tolerance:  # also false for NaN
        raise PeerError(f"probabilities differ by {worst:.2g}; at most {golden.tolerance:.2g} is allowed")
    return worst


def _difference(found: Array, expected: Array) -> float:
    if found.shape != expected.shape:
        raise ValueError(f"{list(found.shape)} probabilities instead of {list(expected.shape)}")
    return float(np.max(np.abs(found - expected)))
