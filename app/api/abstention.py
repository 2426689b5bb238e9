"""The query parameter `abstain`: no label where the model is not sure of exactly one."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams

from app.api.payloads.wording import shown
from app.api.query import only_value
from app.contract import Contract
from app.errors import ContractViolation

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


def is_wanted(query: QueryParams) -> bool:
    """Whether a query asks to abstain: `true` or `1`; `false` or `0`, and not to mention it, is no.

    Raises:
        ContractViolation: another value, or several values.
    """
    value = only_value(query, NAME)
    if value is None:
        return False
    wanted = _VALUES.get(value.lower())
    if wanted is None:
        raise ContractViolation([(NAME, f"true or false is needed, this is {shown(value) or 'empty'}")])
    return wanted


def check(contract: Contract) -> None:
    """See whether a model can abstain.

    Raises:
        ContractViolation: it has no label sets.
    """
    if contract.trust is None:
        raise ContractViolation(
            [(NAME, "this model was sealed without label sets and cannot abstain; ask without it")]
        )
