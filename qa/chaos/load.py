"""A steady load over connections that are kept: every answer is judged as it comes.

Each connection asks one question after the other, at its share of the rate; where the server is slower, the
rate falls, and the report says so. A connection that ends is made anew. Nothing is ever asked twice: what a
client might do about a failure, it does not do here.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from itertools import count
from types import TracebackType
from typing import Self

from qa.chaos.client import SECONDS, Client
from qa.chaos.ledger import Ledger
from qa.chaos.questions import Book, Question
from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.process import NotServing

WAIT_SECONDS = 90.0


class Load:
    """While it is open, questions are asked.

    Args:
        port: of the server or the balancer.
        book: that the questions are from.
        questions: asked again and again, each connection from a place of its own.
        connections: how many.
        rate: requests a second, of all connections together; without one, each connection asks again as soon
            as it is answered.
        seconds: after which a request without an answer is lost.

    Attributes:
        ledger: has every request; its tally can be taken when the load is closed.
    """

    def __init__(
        self,
        port: int,
        book: Book,
        questions: Sequence[Question],
        *,
        connections: int,
        rate: float = math.inf,
        seconds: float = SECONDS,
    ) -> None:
        self.ledger = Ledger()
        self._client = Client(port, book, self.ledger, seconds=seconds)
        self._questions = questions
        self._connections = connections
        self._rate = rate
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start all connections."""
        self._tasks = [asyncio.create_task(self._keep_asking(number)) for number in range(self._connections)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every connection have its last answer; or end at once, if the fault could not be tried."""
        self._stopping.set()
        if kind is not None:
            for task in self._tasks:
                task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        if kind is None and (bugs := [result for result in results if result is not None]):
            raise bugs[0]

    @property
    def words(self) -> str:
        """The load in words: connections, and what is asked."""
        sizes: dict[str, set[int]] = {}
        errors = set()
        for question in self._questions:
            if question.status == 200:
                sizes.setdefault(question.form, set()).add(question.size)
            else:
                errors.add(question.status)
        kinds = [f"{form} of {', '.join(map(str, sorted(found)))} series" for form, found in sizes.items()]
        kinds += [f"requests that get {', '.join(map(str, sorted(errors)))}"] if errors else []
        return f"{self._connections} connections; {'; '.join(kinds)}"

    async def wait_for_answers(self, number: int, *, of: str | None = None) -> None:
        """Wait for so many more right answers, of anyone or of one replica.

        Raises:
            NotServing: they did not come.
        """
        wanted = self.ledger.right_answers(of=of) + number
        deadline = time.monotonic() + WAIT_SECONDS
        while self.ledger.right_answers(of=of) < wanted:
            if time.monotonic() > deadline:
                words = "; ".join(self.ledger.faults()) or "nothing failed"
                raise NotServing(f"{number} more right answers of {of or 'anyone'} did not come: {words}")
            await asyncio.sleep(0.05)

    async def _keep_asking(self, number: int) -> None:
        questions = self._questions
        start = number * len(questions) // self._connections
        interval = self._connections / self._rate
        due = time.monotonic() + interval * number / self._connections  # spread over the first interval
        connection: AsyncHttpClient | None = None
        for turn in count(start):
            if await self._stops_before(due):
                break
            due = max(due + interval, time.monotonic())
            connection = await self._client.ask(questions[turn % len(questions)], connection)
        if connection is not None:
            connection.close()

    async def _stops_before(self, due: float) -> bool:
        if self._stopping.is_set():
            return True
        if (pause := due - time.monotonic()) <= 0:
            return False
        try:
            async with asyncio.timeout(pause):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True
