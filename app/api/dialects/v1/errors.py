"""The form of errors: TensorFlow Serving's, which KServe's clients read, too."""

from __future__ import annotations

import json

from app.api.dialects.base import Encoded, encoded
from app.api.payloads import JSON
from app.api.problem_kinds import Kind
from app.api.problems import ErrorInfo

# By kind of problem: where the status is another one than the server's own. Clients of TensorFlow Serving
# expect 400 for all that they can correct, malformed paths and methods too, and 503 under overload.
_STATUSES = {
    "contract": 400,
    "not-found": 400,
    "method": 400,
    "queue-full": 503,
    "body-bytes": 503,
}
_MALFORMED = ("not-found", "method")


def status_of(kind: Kind) -> int:
    """The status of a kind of problem."""
    return _STATUSES.get(kind.slug, kind.status)


def encode_error(info: ErrorInfo) -> Encoded:
    """`{"error": words}`, with a Content-Type that clients compare to the letter."""
    words = f"Malformed request: {info.detail}" if info.kind.slug in _MALFORMED else info.detail
    return encoded(
        json.dumps({"error": words}).encode(), JSON, status=status_of(info.kind), headers=info.headers
    )
