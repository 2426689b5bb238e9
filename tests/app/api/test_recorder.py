"""`app.api.recorder`: the id that every answer carries."""

from __future__ import annotations

import pytest

from tests.app.conftest import App


def test_the_clients_request_id_is_kept(app: App) -> None:
    """A sane id goes through, so that a request can be followed across services."""
    assert app.client.get("/livez", headers={"X-Request-Id": "abc-123"}).headers["x-request-id"] == "abc-123"


@pytest.mark.parametrize("given", ["", "a" * 129, "with space", "new\tline", 'quote"', "ünïcode"])
def test_an_insane_request_id_is_replaced(app: App, given: str) -> None:
    """What could break a header, a log or a terminal is not passed on."""
    answer = app.client.get("/livez", headers={"X-Request-Id": given.encode()}).headers["x-request-id"]
    assert answer != given
    assert len(answer) == 32


def test_every_answer_has_an_id_of_its_own_and_a_time(app: App) -> None:
    """Also the answers of the framework."""
    answers = [app.client.get("/nowhere") for _ in range(2)]
    assert answers[0].headers["x-request-id"] != answers[1].headers["x-request-id"]
    assert answers[0].headers["server-timing"].startswith("total;dur=")
