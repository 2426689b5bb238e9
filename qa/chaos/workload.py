"""Requests with known responses: the artifact's golden series, and invalid requests.

Only golden series whose probabilities differ by more than the tolerance are sent, so that a response to
another request is detected.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact, Golden
from qa.harness.messages import as_npy

JSON = "application/json"
NPY = "application/x-npy"

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Request:
    """A request and the response that it must get.

    Attributes:
        kind: for reports: format and number of series, or what is invalid.
        body: body of the request.
        media_type: media type of the body.
        accept: media type of the response.
        status: status of the response; other than 200, with a problem document.
        expected: `float32[n, classes]`, the probabilities; empty if the status is not 200.
        method: HTTP method.
        path: path of the request.
        extra: more header lines, each with its line end.
    """

    kind: str
    body: bytes
    media_type: str
    expected: Array
    accept: str = JSON
    status: int = 200
    method: str = "POST"
    path: str = "/predict"
    extra: str = ""

    @property
    def form(self) -> str:
        """Format of the body: `npy` or `JSON`."""
        return "npy" if self.media_type == NPY else "JSON"

    @property
    def size(self) -> int:
        """Number of series; 0 for an invalid request."""
        return len(self.expected)

    def raw(self, request_id: str) -> bytes:
        """The bytes to send."""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: chaos\r\nX-Request-Id: {request_id}\r\n"
            f"Content-Type: {self.media_type}\r\nAccept: {self.accept}\r\n"
            f"Content-Length: {len(self.body)}\r\n{self.extra}\r\n"
        )
        return head.encode() + self.body


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests for one artifact.

    Attributes:
        series: `float32[m, length]`, all with distinguishable probabilities.
        answers: `float32[m, classes]`, their probabilities.
        labels: labels of the classes.
        tolerance: allowed difference of a probability.
    """

    series: Array
    answers: Array
    labels: tuple[str, ...]
    tolerance: float

    @classmethod
    def of(cls, artifact: Artifact) -> Workload:
        """The workload for an artifact."""
        tolerance = artifact.contract.output.tolerance
        rows = distinguishable(artifact.golden, tolerance)
        labels = tuple(label.name for label in artifact.contract.labels)
        return cls(artifact.golden.series[rows], artifact.golden.probabilities[rows], labels, tolerance)

    def json(self, size: int, *, seed: int = 0) -> Request:
        """A JSON request with `size` random series."""
        rows = self._draw(size, seed)
        return Request(f"JSON, {size}", as_json(self.series[rows]), JSON, self.answers[rows])

    def npy(self, size: int, *, seed: int = 0, accept: str = NPY) -> Request:
        """An npy request with `size` random series."""
        rows = self._draw(size, seed)
        return Request(f"npy, {size}", as_npy(self.series[rows]), NPY, self.answers[rows], accept)

    def mixed(self, *, copies: int = 8) -> list[Request]:
        """Typical requests: mostly single series, none too large for the balancer to retry."""
        made = []
        for seed in range(copies):
            made += [self.json(1, seed=seed + 100 * i) for i in range(6)]
            made += [self.json(8, seed=seed), self.json(32, seed=seed), self.npy(1, seed=seed)]
            made += [self.npy(64, seed=seed, accept=JSON)]
        return made

    def _draw(self, size: int, seed: int) -> NDArray[np.intp]:
        draw = np.random.default_rng((size, seed))
        return draw.integers(len(self.series), size=size)


def distinguishable(golden: Golden, tolerance: float) -> list[int]:
    """Indices of golden series whose probabilities all differ by more than twice the tolerance."""
    chosen: list[int] = []
    for row, answer in enumerate(golden.probabilities):
        others = golden.probabilities[chosen]
        if not len(others) or np.abs(others - answer).max(axis=1).min() > 2 * tolerance:
            chosen.append(row)
    return chosen


def as_json(series: Array) -> bytes:
    """The body of a JSON request; every number parses to the same float32."""
    rows: Sequence[Sequence[float]] = [[float(str(value)) for value in row] for row in series]
    return json.dumps({"instances": rows}).encode()
