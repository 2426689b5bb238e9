"""Sends requests and logs the outcome of each."""

from __future__ import annotations

import uuid

from qa.chaos.oracle import Outcome, Verdict, check_response, named_version
from qa.chaos.request_log import Entry, RequestLog
from qa.chaos.workload import Request, Workload
from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.http_client import BrokenResponse, NoResponse

# Longer than any deadline of the server or the balancer: a request without a response by then is lost.
SECONDS = 25.0


class Client:
    """Sends requests to one port and logs them.

    Args:
        port: port of the server or the balancer.
        workload: the workload that the requests are from.
        request_log: logs every request.
        seconds: timeout, after which a request without a response is lost.
    """

    def __init__(
        self, port: int, workload: Workload, request_log: RequestLog, *, seconds: float = SECONDS
    ) -> None:
        self._port = port
        self._workload = workload
        self._request_log = request_log
        self._seconds = seconds

    async def request(
        self, request: Request, connection: AsyncHttpClient | None = None
    ) -> AsyncHttpClient | None:
        """Send a request once, on a new connection if the given one is closed.

        Returns:
            The connection that was used; None if connecting failed, so that the request is lost.
        """
        if connection is None or not connection.is_open:
            try:
                connection = await AsyncHttpClient.connect(self._port, seconds=self._seconds)
            except NoResponse as error:
                entry = self._request_log.add(request.kind, port=0)
                self._request_log.finish(entry, Verdict(Outcome.LOST, str(error)))
                return None
        entry = self._request_log.add(request.kind, connection.local_port)
        verdict, served_by = await self._send(request, connection, entry)
        self._request_log.finish(entry, verdict, served_by=served_by)
        return connection

    async def _send(self, request: Request, connection: AsyncHttpClient, entry: Entry) -> tuple[Verdict, str]:
        request_id = uuid.uuid4().hex
        try:
            answer = await connection.ask(request.raw(request_id), seconds=self._seconds)
        except NoResponse as error:
            return Verdict(Outcome.LOST, str(error)), ""
        except BrokenResponse as error:
            return Verdict(Outcome.FAILED, str(error)), ""
        entry.version = named_version(answer)
        return check_response(self._workload, request, request_id, answer), answer.headers.get(
            "x-replica", ""
        )
