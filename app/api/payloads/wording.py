"""The messages that more than one media type needs, worded once. It knows no format."""

from __future__ import annotations

NO_SERIES = "no series; at least 1 is needed"
NOT_FINITE = "not a finite number"
BEYOND_FLOAT32 = "beyond the range of float32"
# A body can be wrong in a million places; a person reads a few.
SHOWN_VIOLATIONS = 20


def wrong_length(found: int, *, length: int) -> str:
    """A series of `found` values was sent to a model that takes `length`."""
    return f"{found} value{'' if found == 1 else 's'}; the model takes {length}"


def too_many_series(found: int, *, max_instances: int) -> str:
    """A request of `found` series was sent where `max_instances` are allowed."""
    return f"{found} series; at most {max_instances} a request"


def shown(text: str) -> str:
    """A sender's own text, short and on one line, so that it can stand in a message or a log."""
    short = text if len(text) <= 60 else f"{text[:59]}…"
    return short if short.isprintable() else ascii(short)[1:-1]
