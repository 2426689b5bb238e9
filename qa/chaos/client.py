"""Asking one question: whatever comes of it becomes the one outcome in the ledger."""

from __future__ import annotations

import uuid

from qa.chaos.judge import Outcome, Verdict, judge, named_version
from qa.chaos.ledger import Entry, Ledger
from qa.chaos.questions import Book, Question
from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.http_client import BrokenResponse, NoResponse

# Longer than any deadline of the server or of the balancer: whoever answers after that has lost the request.
SECONDS = 25.0


class Client:
    """Asks at one port, and enters every request into a ledger.

    Args:
        port: of the server or the balancer.
        book: that the questions are from.
        ledger: is told.
        seconds: after which a request without an answer is lost.
    """

    def __init__(self, port: int, book: Book, ledger: Ledger, *, seconds: float = SECONDS) -> None:
        self._port = port
        self._book = book
        self._ledger = ledger
        self._seconds = seconds

    async def ask(
        self, question: Question, connection: AsyncHttpClient | None = None
    ) -> AsyncHttpClient | None:
        """Ask, once, on a new connection if the given one has ended.

        Returns:
            The connection that was used; None if there was none to be had, and so the request is lost.
        """
        if connection is None or not connection.is_open:
            try:
                connection = await AsyncHttpClient.connect(self._port, seconds=self._seconds)
            except NoResponse as error:
                entry = self._ledger.enter(question.kind, port=0)
                self._ledger.close(entry, Verdict(Outcome.LOST, str(error)))
                return None
        entry = self._ledger.enter(question.kind, connection.local_port)
        verdict, served_by = await self._ask(question, connection, entry)
        self._ledger.close(entry, verdict, served_by=served_by)
        return connection

    async def _ask(
        self, question: Question, connection: AsyncHttpClient, entry: Entry
    ) -> tuple[Verdict, str]:
        request_id = uuid.uuid4().hex
        try:
            answer = await connection.ask(question.request(request_id), seconds=self._seconds)
        except NoResponse as error:
            return Verdict(Outcome.LOST, str(error)), ""
        except BrokenResponse as error:
            return Verdict(Outcome.FAILED, str(error)), ""
        entry.version = named_version(answer)
        return judge(self._book, question, request_id, answer), answer.headers.get("x-replica", "")
