"""The query parameter `abstain`: no label where the model is not sure of exactly one."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams

from app.contract import Contract
from app.errors import ContractViolation
from app.payloads.wording import shown

NAME = "abstain"
_VALUES = {"true": True, "1": True, "false": False, "0": False}

PARAMETER: dict[str, Any] = {
    "name": NAME,
    "in": "query",
    "required": False,
    "schema": {"type": "boolean", "default": False},
    "description": (
        "`true`: a series whose label set does not hold exactly one label gets `null` for its label, and in "
        "npy a row of NaN. Only for models that were sealed with label sets."
    ),
}


def wants_to_abstain(query: bytes, contract: Contract) -> bool:
    """Whether a query string asks to abstain: `true` or `1`; `false` or `0`, and not to mention it, is no.

    Read here, not declared to the framework: most requests have no query, and then this costs nothing.

    Raises:
        ContractViolation: another value, several values, or the model has no label sets.
    """
    if not query:
        return False
    values = QueryParams(query).getlist(NAME)
    if not values:
        return False
    if len(values) > 1:
        raise ContractViolation([(NAME, f"given {len(values)} times; once is enough")])
    wanted = _VALUES.get(values[0].lower())
    if wanted is None:
        raise ContractViolation([(NAME, f"true or false is needed, this is {shown(values[0]) or 'empty'}")])
    if wanted and contract.trust is None:
        raise ContractViolation(
            [(NAME, "this model was sealed without label sets and cannot abstain; ask without it")]
        )
    return wanted
