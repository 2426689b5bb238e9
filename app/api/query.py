"""A request's query, read only where there is one: most requests have none, and then it costs nothing."""

from __future__ import annotations

from starlette.datastructures import QueryParams

from app.errors import ContractViolation


def only_value(query: QueryParams, name: str) -> str | None:
    """The value of a parameter; None where it is not mentioned.

    Raises:
        ContractViolation: it has several values.
    """
    values = query.getlist(name)
    if len(values) > 1:
        raise ContractViolation([(name, f"given {len(values)} times; once is enough")])
    return values[0] if values else None
