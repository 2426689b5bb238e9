"""`app.api.patience`: callers who wait for less long than the server would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api import patience
from app.errors import ContractViolation
from tests.app.conftest import App, series

MOST = 10.0


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, MOST), ("0.5", 0.5), ("3", 3.0), ("10.000001", MOST), ("999999999", MOST)]
)
def test_the_shorter_limit_holds(value: str | None, seconds: float) -> None:
    """The caller's or the server's."""
    assert patience.seconds_of(value, most=MOST) == seconds


@pytest.mark.parametrize(
    "value", ["", "0", "0.0", "-1", "nan", "inf", "1e3", "1_0", "1,5", " 1", "٣", "1s", "9" * 10]
)
def test_what_is_no_time_is_refused(value: str) -> None:
    """In the header's name, with an example of what is right."""
    with pytest.raises(ContractViolation, match=r"X-Request-Timeout: seconds above 0 are needed, like 0\.5"):
        patience.seconds_of(value, most=MOST)


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_refused(value: str) -> None:
    """Nothing else is raised, and no time is beyond the limit."""
    try:
        seconds = patience.seconds_of(value, most=MOST)
    except ContractViolation:
        return
    assert 0 < seconds <= MOST


def test_a_request_that_nobody_waits_for_any_more_is_not_computed(app: App) -> None:
    """It gets 504 while the engine is at something else, and leaves the queue."""
    app.engine.hold()
    body = {"instances": series(1.0).tolist()}
    answers = [
        app.client.post("/predict", json=body, headers={patience.NAME: seconds})
        for seconds in ("0.05", "0.05")
    ]
    assert [answer.status_code for answer in answers] == [504, 504]
    app.engine.release()
    assert app.client.post("/predict", json=body).status_code == 200
    assert app.engine.batches == [1, 1]  # the first, which the engine had begun, and the last
