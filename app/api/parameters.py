"""The request parameters `abstain`, `version`, `X-Request-Timeout` and `Content-Type`."""

from __future__ import annotations

import re
from typing import Any

from starlette.datastructures import QueryParams

from app.api.headers import CONTENT_TYPE, REQUEST_TIMEOUT, RequestHead
from app.api.payloads.wording import shown_value
from app.contract import MAX_VERSION, Contract, version_number
from app.errors import ContractViolation, MalformedPayload

_ABSTAIN, _VERSION, _TIMEOUT = "abstain", "version", "X-Request-Timeout"
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
# Digits enough for microseconds, and none of float's other spellings: nan, 1e9, 1_0.
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")

# OpenAPI descriptions.
ABSTAIN: dict[str, Any] = {
    "name": _ABSTAIN,
    "in": "query",
    "required": False,
    "schema": {"type": "boolean", "default": False},
    "description": (
        "If `true`, a series whose label set does not hold exactly one label gets the label `null`, and in "
        "npy a row of NaN. Only for models with label sets."
    ),
}
VERSION: dict[str, Any] = {
    "name": _VERSION,
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_VERSION},
    "description": "The model version to use: one of `loaded` in `GET /model`.",
}
TIMEOUT: dict[str, Any] = {
    "name": _TIMEOUT,
    "in": "header",
    "required": False,
    # A number's schema would allow exponents.
    "schema": {"type": "string", "pattern": rf"^(?!0+(\.0+)?$){_SECONDS.pattern}$", "examples": ["0.5"]},
    "description": (
        "Timeout of the request in seconds. Past it the prediction is not computed and the status is 504, or "
        "429 at once if the engine cannot start in time. The server's own timeout applies if it is shorter."
    ),
}


def abstain_of(query: QueryParams) -> bool:
    """The value of `abstain`: `true` or `1`, `false` or `0`; False if it is missing.

    Raises:
        ContractViolation: another value, or several values.
    """
    return boolean_of(query, _ABSTAIN) or False


def boolean_of(query: QueryParams, name: str) -> bool | None:
    """A boolean parameter: `true` or `1`, `false` or `0`; None if it is missing.

    Raises:
        ContractViolation: another value, or several values.
    """
    value = only_value(query, name)
    if value is None:
        return None
    wanted = _BOOLEANS.get(value.lower())
    if wanted is None:
        raise ContractViolation([(name, f"expected true or false, got {shown_value(value)}")])
    return wanted


def check_abstain(contract: Contract) -> None:
    """Check that a model can abstain.

    Raises:
        ContractViolation: it has no label sets.
    """
    if contract.trust is None:
        raise ContractViolation(
            [(_ABSTAIN, "this model has no label sets and cannot abstain; remove this parameter")]
        )


def version_of(query: QueryParams) -> int | None:
    """The value of `version`; None if it is missing.

    Raises:
        ContractViolation: it is no version number, or is given several times.
    """
    value = only_value(query, _VERSION)
    if value is None:
        return None
    number = version_number(value)
    if number is None:
        expected = f"expected a whole number from 1 to {MAX_VERSION} without leading zeros"
        raise ContractViolation([(_VERSION, f"{expected}, got {shown_value(value)}")])
    return number


def timeout_of(head: RequestHead, *, most: float) -> float:
    """The timeout of a request in seconds.

    Args:
        head: of the request.
        most: the server's own timeout.

    Raises:
        ContractViolation: the header is no number above 0, or was sent with several values.
    """
    value = head.get(REQUEST_TIMEOUT)
    if value is None:
        return most
    if head.conflicts(REQUEST_TIMEOUT):
        raise ContractViolation([(_TIMEOUT, "sent more than once with different values; send it once")])
    seconds = float(value) if _SECONDS.fullmatch(value) else 0.0
    if seconds <= 0:
        raise ContractViolation(
            [(_TIMEOUT, f"expected seconds above 0, such as 0.5; got {shown_value(value)}")]
        )
    return min(seconds, most)


def content_type_of(head: RequestHead) -> str | None:
    """The value of Content-Type; None if it is missing.

    Raises:
        MalformedPayload: it was sent with several values.
    """
    if head.conflicts(CONTENT_TYPE):
        raise MalformedPayload("Content-Type is sent more than once with different values; send it once")
    return head.get(CONTENT_TYPE)


def only_value(query: QueryParams, name: str) -> str | None:
    """The value of a query parameter; None if it is missing.

    Raises:
        ContractViolation: it is given several times.
    """
    values = query.getlist(name)
    if len(values) > 1:
        raise ContractViolation([(name, f"given {len(values)} times; send it once")])
    return values[0] if values else None
