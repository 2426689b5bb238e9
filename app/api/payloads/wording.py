"""The messages that more than one media type needs, worded once. It knows no format."""

from __future__ import annotations

from app.series.spec import SeriesSpec

NO_SERIES = "no series; send at least 1"
NOT_FINITE = "not a finite number"
BEYOND_FLOAT32 = "beyond the range of float32"
# A body can be wrong in a million places; a person reads a few.
MAX_VIOLATIONS = 20


def wrong_length(found: int, spec: SeriesSpec) -> str:
    """A series of `found` values in a channel was sent to a model that takes such series."""
    what = "value" if spec.channels == 1 else "time step"
    return f"{found} {what}{'' if found == 1 else 's'}; the model takes {spec.length}"


def wrong_channels(found: int, spec: SeriesSpec) -> str:
    """A time step of `found` values was sent to a model that takes such series."""
    return f"{found} value{'' if found == 1 else 's'}; the model takes {spec.channels}, one for each channel"


def too_many_series(found: int, *, max_instances: int) -> str:
    """A request of `found` series was sent where `max_instances` are allowed."""
    return f"{found} series; at most {max_instances} a request"


def shown(text: str) -> str:
    """A sender's own text, short and on one line, so that it can stand in a message or a log."""
    short = text if len(text) <= 60 else f"{text[:59]}…"
    return short if short.isprintable() else ascii(short)[1:-1]
