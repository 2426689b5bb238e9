"""The id of each request, and its metrics, trace and log line, on both paths."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from app.api.headers import REQUEST_ID, RequestHead
from app.api.request_trace import trace_request
from app.telemetry.metrics import Metrics
from app.telemetry.request_record import OTHER, RequestRecord, Work

if TYPE_CHECKING:  # it needs the SDK, which is there where traces are wanted
    from app.telemetry.tracing.traces import Traces

log = logging.getLogger("app.access")

# An id that is safe in a header, a log and a terminal.
_SAFE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_ID_BYTES = 16


class RouteTemplate(NamedTuple):
    """What a request's scope has as its route, for the record, where no route of FastAPI sets it."""

    path: str


class RecordedCall(Protocol):
    """A prediction call, or a stream of predictions."""

    def work(self) -> Work | None:
        """The work done for the request; None if nothing was admitted."""
        ...


class RequestRecorder:
    """Records requests.

    Args:
        metrics: count each response.
        is_draining: whether the server drains, and connections should be closed.
        access_log: log a line for each response.
        traces: record each request; None without tracing.

    Attributes:
        is_draining: as given.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        is_draining: Callable[[], bool],
        access_log: bool,
        traces: Traces | None = None,
    ) -> None:
        self._metrics = metrics
        self.is_draining = is_draining
        self._access_log = access_log
        self._traces = traces

    def record(
        self, record: RequestRecord, head: RequestHead, *, status: int, call: RecordedCall | None = None
    ) -> None:
        """Count a response; trace and log its request if that is on.

        Args:
            record: of the request. The API key that it came with is named in the line, but is no label of a
                metric: there may be many.
            head: of the request.
            status: of the answer.
            call: the prediction call of the request, if it has one.
        """
        seconds = perf_counter() - record.arrived
        record.status = status = record.late_status or status
        self._metrics.answered(protocol=record.protocol, route=record.route, status=status, seconds=seconds)
        trace_id = None
        if self._traces is not None:
            record.work = None if call is None else call.work()
            trace_id = trace_request(self._traces, record, head)
        if self._access_log:
            extra = {"request_id": record.request_id, "seconds": round(seconds, 6), "status": status}
            if trace_id is not None:
                extra["trace_id"] = trace_id
            if record.client:
                extra["client"] = record.client
            log.info("%s %s %d", record.method, record.route, status, extra=extra)

    def record_unread(self, status: int, *, request_id: str) -> None:
        """Count a response to an unreadable request, and log it if that is on."""
        self._metrics.answered_unparsed(status=status)
        if self._access_log:
            extra = {"request_id": request_id, "status": status}
            log.info("- %s %d", OTHER, status, extra=extra)


def request_id_of(head: RequestHead) -> str:
    """The value of X-Request-Id if there is one valid value, else a new id."""
    given = head.get(REQUEST_ID)
    if given is None or head.conflicts(REQUEST_ID):
        return new_request_id()
    return safe_request_id(given) or new_request_id()


def safe_request_id(text: str) -> str | None:
    """The id of a request that its client chose, if it is valid; else None."""
    return text if _SAFE_ID.fullmatch(text) else None


def new_request_id() -> str:
    """32 hexadecimal digits: as random as a UUID, in a quarter of the time that uuid.uuid4 takes."""
    return os.urandom(_ID_BYTES).hex()
