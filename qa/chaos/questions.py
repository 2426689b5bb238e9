"""Requests whose answers are known: the artifact's golden series, and what is refused by the contract.

Two golden series may have the same answer as far as the tolerance goes. Only such are asked here as can be
told apart, so that an answer that belongs to another series is seen.
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
class Question:
    """One request, and what must come back.

    Attributes:
        kind: for reports: form and number of series, or in words what is wrong with it.
        body: of the request.
        media_type: of the body.
        accept: media type of the answer.
        status: that the answer must have; for others than 200, a problem document must come with it.
        expected: `float32[n, classes]`, the probabilities; empty for others than 200.
        method: of the request.
        path: of the request.
        extra: more lines of its head, each with its line end.
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
        """Of the body, in a word."""
        return "npy" if self.media_type == NPY else "JSON"

    @property
    def size(self) -> int:
        """How many series are asked for; 0 if that is an error."""
        return len(self.expected)

    def request(self, request_id: str) -> bytes:
        """The bytes to send."""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: chaos\r\nX-Request-Id: {request_id}\r\n"
            f"Content-Type: {self.media_type}\r\nAccept: {self.accept}\r\n"
            f"Content-Length: {len(self.body)}\r\n{self.extra}\r\n"
        )
        return head.encode() + self.body


@dataclass(frozen=True, slots=True)
class Book:
    """What can be asked of one artifact.

    Attributes:
        series: `float32[m, length]`, any two of which have answers that can be told apart.
        answers: `float32[m, classes]`, their probabilities.
        labels: of the classes.
        tolerance: how far a probability may be off.
    """

    series: Array
    answers: Array
    labels: tuple[str, ...]
    tolerance: float

    @classmethod
    def of(cls, artifact: Artifact) -> Book:
        """The book of an opened artifact."""
        tolerance = artifact.contract.output.tolerance
        rows = told_apart(artifact.golden, tolerance)
        labels = tuple(label.name for label in artifact.contract.labels)
        return cls(artifact.golden.series[rows], artifact.golden.probabilities[rows], labels, tolerance)

    def json(self, size: int, *, seed: int = 0) -> Question:
        """So many series, drawn at random, as JSON."""
        rows = self._draw(size, seed)
        return Question(f"JSON, {size}", as_json(self.series[rows]), JSON, self.answers[rows])

    def npy(self, size: int, *, seed: int = 0, accept: str = NPY) -> Question:
        """So many series, drawn at random, as npy."""
        rows = self._draw(size, seed)
        return Question(f"npy, {size}", as_npy(self.series[rows]), NPY, self.answers[rows], accept)

    def mixed(self, *, copies: int = 8) -> list[Question]:
        """What clients ask: mostly single series, and none too large for the balancer to send twice."""
        made = []
        for seed in range(copies):
            made += [self.json(1, seed=seed + 100 * i) for i in range(6)]
            made += [self.json(8, seed=seed), self.json(32, seed=seed), self.npy(1, seed=seed)]
            made += [self.npy(64, seed=seed, accept=JSON)]
        return made

    def _draw(self, size: int, seed: int) -> NDArray[np.intp]:
        draw = np.random.default_rng((size, seed))
        return draw.integers(len(self.series), size=size)


def told_apart(golden: Golden, tolerance: float) -> list[int]:
    """Golden series of which no two have answers that could pass for each other's."""
    chosen: list[int] = []
    for row, answer in enumerate(golden.probabilities):
        others = golden.probabilities[chosen]
        if not len(others) or np.abs(others - answer).max(axis=1).min() > 2 * tolerance:
            chosen.append(row)
    return chosen


def as_json(series: Array) -> bytes:
    """The body of a JSON request; every number reads back as the same float32."""
    rows: Sequence[Sequence[float]] = [[float(str(value)) for value in row] for row in series]
    return json.dumps({"instances": rows}).encode()
