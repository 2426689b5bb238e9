"""Error messages that several media types share."""

from __future__ import annotations

from typing import Any

from app.series.spec import SeriesSpec

NO_SERIES = "no series; send at least 1"
NOT_FINITE = "not a finite number"
BEYOND_FLOAT32 = "beyond the range of float32"
# Most violations in one response; `total` counts all.
MAX_VIOLATIONS = 20
_KINDS = {str: "a string", bool: "a boolean", type(None): "null", list: "a list", dict: "an object"}


def wrong_length(found: int, spec: SeriesSpec) -> str:
    """The message for a series of `found` time steps."""
    what = "value" if spec.channels == 1 else "time step"
    return f"{found} {what}{'' if found == 1 else 's'}; the model takes {spec.length}"


def wrong_channels(found: int, spec: SeriesSpec) -> str:
    """The message for a time step of `found` values."""
    return f"{found} value{'' if found == 1 else 's'}; the model takes {spec.channels}, one for each channel"


def too_many_series(found: int, *, max_instances: int) -> str:
    """The message for a request of `found` series."""
    return f"{found} series; at most {max_instances} a request"


def kind_of(value: Any) -> str:
    """What a value of JSON is."""
    return _KINDS.get(type(value), "a number")


def shown_value(text: str) -> str:
    """`shown` for the value of a parameter, which may be empty."""
    return shown(text) or "an empty value"


def shown(text: str) -> str:
    """Text of a client for a message or a log: at most 60 characters, on one line."""
    short = text if len(text) <= 60 else f"{text[:59]}…"
    return short if short.isprintable() else ascii(short)[1:-1]
