"""What is told of a request when it is over: plain values, so that telling costs next to nothing."""

from __future__ import annotations

from typing import NamedTuple

# The methods that the conventions know; callers make up others, and each would be a name of its own.
METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"))


def name_of(method: str, route: str | None) -> str:
    """The name of a request's span: `POST /predict`."""
    known = method if method in METHODS else "HTTP"
    return known if route is None else f"{known} {route}"


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


class Told(NamedTuple):
    """A request that is over.

    Attributes:
        method: of the request.
        path: of the request, without a query: callers may write there what is nobody's business.
        scheme: of its address.
        route: the template of its path; None if there is none.
        request_id: as its answer has it.
        arrived: when it came, `perf_counter`'s.
        status: of its answer, or what it is counted as.
        fault: a word for what went wrong; None if nothing did.
        failed: whether it is an error of ours that it got no good answer, and not the caller's.
        work: what was done for it, if it came so far.
    """

    method: str
    path: str
    scheme: str
    route: str | None
    request_id: str
    arrived: float
    status: int
    fault: str | None
    failed: bool
    work: Work | None
