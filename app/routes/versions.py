"""The query parameter `version`: an answer from another version that is loaded than the one that serves."""

from __future__ import annotations

import re
from typing import Any

from starlette.datastructures import QueryParams

from app.errors import ContractViolation
from app.payloads.wording import shown
from app.routes.query import only_value

NAME = "version"
_NUMBER = re.compile(r"[0-9]{1,9}")

PARAMETER: dict[str, Any] = {
    "name": NAME,
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    "description": "The version that shall answer, one of those that `GET /model` says are loaded.",
}


def wanted(query: QueryParams) -> int | None:
    """The version that a query asks for; None for the one that serves.

    Raises:
        ContractViolation: it is no whole number, or given several times.
    """
    value = only_value(query, NAME)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise ContractViolation([(NAME, f"a whole number is needed, this is {shown(value) or 'empty'}")])
    return int(value)
