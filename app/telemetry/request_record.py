"""The record of a request: filled in while it is processed, then counted, logged and traced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

# The route of requests without one.
OTHER = "other"
# The methods of OpenTelemetry's conventions. Clients may send others, and each would be a new span name.
METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"))


class Work(NamedTuple):
    """What the server did for a request that was admitted to the queue. Moments are on `perf_counter`.

    Attributes:
        model: name of the model.
        version: version of the model.
        rows: number of series in the request.
        parsed: seconds from the start of parsing the body to the admission.
        admitted: moment of the admission.
        queued: seconds from the admission to the start of the batch; None if there was no prediction.
        ran: seconds that the batch took.
        batch_rows: number of series in the batch.
    """

    model: str
    version: int
    rows: int
    parsed: float
    admitted: float
    queued: float | None = None
    ran: float = 0.0
    batch_rows: int = 0


@dataclass(slots=True, eq=False)
class RequestRecord:
    """The record of one request over HTTP, or of one call over gRPC.

    Attributes:
        request_id: as in its response.
        arrived: moment of its arrival, on `perf_counter`.
        method: its HTTP method.
        path: its path without the query, which may hold private data.
        scheme: `http` or `https`.
        protocol: name of its dialect.
        route: template of its path, or `OTHER`; never the path itself: clients choose paths, and each would
            be a new time series.
        client: name of its API key; None without one.
        fault: type of its error; None without one.
        status: status of its response, or the one it is counted under. Of a call, what HTTP would have.
        code: name of the gRPC status that the call ended with; None over HTTP.
        work: what was done for it; None if it was not admitted, or without traces.
        late_status: status of a problem that came after the head of a streamed response, which is counted
            under it; None without one.
    """

    request_id: str
    arrived: float
    method: str
    path: str
    scheme: str = "http"
    protocol: str = "native"
    route: str = OTHER
    client: str | None = None
    fault: str | None = None
    status: int = 500
    code: str | None = None
    work: Work | None = None
    late_status: int | None = None

    @property
    def name(self) -> str:
        """The name of its span: `POST /predict`, and for a call its method with its service."""
        if self.code is not None:
            return self.route
        known = self.method if self.method in METHODS else "HTTP"
        return known if self.route == OTHER else f"{known} {self.route}"
