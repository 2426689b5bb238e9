"""The exit code of `score` as tasks of Ray, without Ray."""

from __future__ import annotations

import pytest

from app.cli.exit_codes import FAILED, INCOMPLETE, OK
from deploy.ray.score import exit_code


@pytest.mark.parametrize(
    ("codes", "code"),
    [((OK, OK), OK), ((OK, -9), OK), ((FAILED, INCOMPLETE), INCOMPLETE), ((FAILED, FAILED), FAILED)],
)
def test_one_task_that_ends_well_has_seen_the_whole_job(codes: tuple[int, ...], code: int) -> None:
    """The others may have been killed on the way."""
    assert exit_code(codes) == code
