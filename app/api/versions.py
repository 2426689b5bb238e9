"""The query parameter `version`: an answer from another version that is loaded than the one that serves."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams

from app.api.payloads.wording import shown
from app.api.query import only_value
from app.contract import MAX_VERSION, version_number
from app.errors import ContractViolation

NAME = "version"

PARAMETER: dict[str, Any] = {
    "name": NAME,
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_VERSION},
    "description": "The version that shall answer, one of those that `GET /model` says are loaded.",
}


def wanted(query: QueryParams) -> int | None:
    """The version that a query asks for; None for the one that serves.

    Raises:
        ContractViolation: it is no version's number, or given several times.
    """
    value = only_value(query, NAME)
    if value is None:
        return None
    number = version_number(value)
    if number is None:
        needed = f"a whole number from 1 to {MAX_VERSION} without leading zeros is needed"
        raise ContractViolation([(NAME, f"{needed}, this is {shown(value) or 'empty'}")])
    return number
