"""`app.api.versions`: the query parameter `version`."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from app.api.versions import wanted
from app.contract import MAX_VERSION
from app.errors import ContractViolation


@pytest.mark.parametrize(
    ("query", "version"), [("", None), ("version=1", 1), (f"version={MAX_VERSION}", MAX_VERSION)]
)
def test_a_version_is_a_plain_number(query: str, version: int | None) -> None:
    """As its folder is named; none means the one that serves."""
    assert wanted(QueryParams(query)) == version


@pytest.mark.parametrize(
    "value", ["", "0", "007", "-1", "%2B1", "%201", "1.0", "%D9%A3", "latest", "1" * 10, "9" * 5000]
)
def test_another_spelling_is_refused(value: str) -> None:
    """A version has one, so that what was asked for can be found in logs and on the disk."""
    with pytest.raises(
        ContractViolation, match="version: a whole number from 1 to 999999999 without leading"
    ):
        wanted(QueryParams(f"version={value}"))


def test_two_versions_are_refused() -> None:
    """Which one is meant nobody knows."""
    with pytest.raises(ContractViolation, match="version: "):
        wanted(QueryParams("version=1&version=2"))
