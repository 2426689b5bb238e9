"""What is known of one request: filled in on its way; counted, logged and traced at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

# The route of requests that have none.
OTHER = "other"
# Those that OpenTelemetry's conventions know; callers make up others, and each would be a name of its own.
METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"))


class Work(NamedTuple):
    """What was done for a request whose series were admitted to the queue. Times are `perf_counter`'s.

    Attributes:
        model: its name.
        version: of the model.
        rows: series in the request.
        parsed: seconds that reading its body took, up to its admission.
        admitted: when it joined the queue.
        queued: seconds from then to the start of its batch; None if no answer came of it.
        ran: seconds that its batch ran.
        batch_rows: series in its batch.
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
    """One request.

    Attributes:
        request_id: as its answer has it.
        arrived: when it came, `perf_counter`'s.
        method: of it.
        path: of it, without a query: callers may write there what is nobody's business.
        scheme: of its address.
        protocol: the name of the dialect that it belongs to.
        route: the template of its path, never the path itself: callers choose paths, and each would be a new
            time series. `OTHER` if there is none.
        caller: name of the API key that it came with; None without one.
        fault: a word for what went wrong; None if nothing did.
        status: of its answer, or what it is counted as.
        work: what was done for it; None if it did not come so far, or nobody wants to know.
    """

    request_id: str
    arrived: float
    method: str
    path: str
    scheme: str = "http"
    protocol: str = "native"
    route: str = OTHER
    caller: str | None = None
    fault: str | None = None
    status: int = 500
    work: Work | None = None

    @property
    def name(self) -> str:
        """The name of its span: `POST /predict`."""
        known = self.method if self.method in METHODS else "HTTP"
        return known if self.route == OTHER else f"{known} {self.route}"
