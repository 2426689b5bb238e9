"""The header `X-Request-Timeout`: how long a caller waits, if not as long as the server would."""

from __future__ import annotations

import re
from typing import Any

from app.api.headers import REQUEST_TIMEOUT, FirstValues
from app.api.payloads.wording import shown
from app.errors import ContractViolation

NAME = "X-Request-Timeout"
# Digits enough for microseconds, and none of float's other spellings: nan, 1e9, 1_0.
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")

PARAMETER: dict[str, Any] = {
    "name": NAME,
    "in": "header",
    "required": False,
    # A number's schema would allow exponents.
    "schema": {"type": "string", "pattern": rf"^(?!0+(\.0+)?$){_SECONDS.pattern}$", "examples": ["0.5"]},
    "description": (
        "Seconds after which nobody waits for the answer any more: past that it is not computed, and the "
        "status is 504, or 429 at once if the engine cannot start before. The server's own limit holds where "
        "that is shorter."
    ),
}


def wanted(headers: FirstValues, *, most: float) -> float:
    """The seconds that a request's caller waits; arguments and errors are those of `seconds_of`."""
    if headers.conflicts(REQUEST_TIMEOUT):
        raise ContractViolation([(NAME, "sent more than once with different values; send it once")])
    return seconds_of(headers.get(REQUEST_TIMEOUT), most=most)


def seconds_of(value: str | None, *, most: float) -> float:
    """The seconds that a caller waits.

    Args:
        value: of the header; None without one.
        most: the server's own limit.

    Raises:
        ContractViolation: it is no number above 0.
    """
    if value is None:
        return most
    seconds = float(value) if _SECONDS.fullmatch(value) else 0.0
    if seconds <= 0:
        raise ContractViolation(
            [(NAME, f"seconds above 0 are needed, like 0.5; this is {shown(value) or 'empty'}")]
        )
    return min(seconds, most)
