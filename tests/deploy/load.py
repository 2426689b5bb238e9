"""A steady load of real series in requests of mixed sizes, that checks every single answer."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

import httpx
import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact
from app.settings import Settings
from qa.harness.messages import as_json, as_npy

CONNECTIONS = 12
# Seconds between an answer and the next question: steady, and leaves the machine room to start replicas.
PAUSE = 0.02
ROWS = (1, 1, 1, 2, 3, 8, 40)
# An answer that comes later is a failure, whatever happens to a replica.
TIMEOUT: float = Settings.model_fields["request_timeout"].default
NPY = "application/x-npy"


@dataclass(frozen=True, slots=True)
class Question:
    """One request and the answer that it must get."""

    body: bytes
    media_type: str
    expected: NDArray[np.float32]


class Load:
    """While it is open, every connection asks one question after the other.

    Attributes:
        answered: how many right answers came from each replica, by the balancer's name of it.
        failures: a line for each request that failed or was answered wrongly.
    """

    def __init__(self, url: str, artifact: Artifact) -> None:
        self.answered: Counter[str] = Counter()
        self.failures: list[str] = []
        self._url = url
        self._labels = [label.name for label in artifact.contract.labels]
        self._tolerance = artifact.contract.output.tolerance
        self._questions = questions(artifact)
        self._rounds = [0] * CONNECTIONS
        self._news = threading.Condition()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(CONNECTIONS)]

    def __enter__(self) -> Load:
        """Start all connections."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every connection have its last answer."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def wait_for_answers(self, number: int, *, of: str) -> None:
        """Wait until a replica has given so many more right answers; the first failure ends the test."""
        with self._news:
            wanted = self.answered[of] + number
            self._wait(lambda: self.answered[of] >= wanted, f"{number} more answers of {of}")

    def wait_for_all_connections(self) -> None:
        """Wait until every connection has got one more right answer; the first failure ends the test."""
        with self._news:
            before = list(self._rounds)
            self._wait(
                lambda: all(now > then for now, then in zip(self._rounds, before, strict=True)),
                "an answer on every connection",
            )

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        arrived = self._news.wait_for(lambda: self.failures or is_so(), timeout=60)
        assert arrived, f"waited in vain for {what}; answers so far: {dict(self.answered)}"
        assert not self.failures, self.failures[:3]

    def _ask(self, connection: int) -> None:
        order = np.random.default_rng(connection)
        with httpx.Client(base_url=self._url, timeout=TIMEOUT, trust_env=False) as client:
            while not self._stopping.wait(PAUSE):
                question = self._questions[order.integers(len(self._questions))]
                try:
                    response = client.post(
                        "/predict", content=question.body, headers={"Content-Type": question.media_type}
                    )
                    fault = self._fault(response, question)
                except httpx.HTTPError as error:
                    fault = repr(error)
                with self._news:
                    if fault:
                        self.failures.append(fault)
                    else:
                        self.answered[response.headers["X-Replica"]] += 1
                        self._rounds[connection] += 1
                    self._news.notify_all()

    def _fault(self, response: httpx.Response, question: Question) -> str | None:
        if response.status_code != 200:
            return f"{response.status_code} {response.headers.get('X-Replica')}: {response.text[:300]}"
        rows = [item["probabilities"] for item in response.json()["predictions"]]
        answer = np.array([[row[label] for label in self._labels] for row in rows], dtype=np.float32)
        if answer.shape != question.expected.shape:
            return f"an answer of shape {answer.shape} instead of {question.expected.shape}"
        largest = float(np.abs(answer - question.expected).max())
        return f"an answer that is wrong by {largest:g}" if largest > self._tolerance else None


def questions(artifact: Artifact, *, number: int = 64) -> list[Question]:
    """Requests of golden series, in other orders and numbers, as JSON and as npy."""
    draw = np.random.default_rng(0)
    golden = artifact.golden
    made = []
    for index in range(number):
        rows = draw.integers(len(golden.series), size=ROWS[index % len(ROWS)])
        is_json = index % 3 > 0
        encode, media_type = (as_json, "application/json") if is_json else (as_npy, NPY)
        made.append(Question(encode(golden.series[rows]), media_type, golden.probabilities[rows]))
    return made
