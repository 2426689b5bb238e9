"""Retries: what is sent again, when, and how long at most."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from app.client import Client, RequestRefused, ServerUnavailable, UnexpectedResponse
from app.client.http.sending import retry_after_seconds
from tests.app.client.mocked import SERIES, answer, break_off, client_of, refuse, served_by


def test_what_may_pass_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """A full queue after the time it asks for and a part of a second, others soon; each is reported."""
    client, pauses, retries = client_of(refuse(429, **{"Retry-After": "3"}), break_off, refuse(503), answer)
    with caplog.at_level(logging.INFO, logger="app.client"):
        assert client.predict(SERIES)[0].label == "-1"
    assert 3 <= pauses[0] <= 4
    assert all(0 <= pause <= 1.6 for pause in pauses[1:])
    assert [(retry.attempt, retry.pause) for retry in retries] == list(enumerate(pauses, start=1))
    assert [retry.reason for retry in retries] == [
        "Too many requests: full",
        "http://server/predict: refused",
        "Too many requests: full",
    ]
    assert len(caplog.messages) >= 3


def test_retry_after_beyond_the_deadline_is_not_waited_for() -> None:
    """`Retry-After: 3600` is an error at once, with the server's reason."""
    client, pauses, _ = client_of(refuse(429, **{"Retry-After": "3600"}), timeout=30)
    with pytest.raises(ServerUnavailable, match=r"full \(.* and the server asks to wait 3600 s\)"):
        client.predict(SERIES)
    assert pauses == []


def test_a_full_queue_is_not_an_attempt() -> None:
    """It lasts as long as others send; the timeout ends it."""
    client, pauses, _ = client_of(*[refuse(429, **{"Retry-After": "1"})] * 9, answer)
    assert len(client.predict(SERIES)) == 1
    assert len(pauses) == 9


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 500])
def test_what_will_not_pass_is_not_tried_again(status: int) -> None:
    """A bad request stays bad."""
    client, pauses, _ = client_of(refuse(status))
    with pytest.raises(RequestRefused, match="Too many requests: full") as info:
        client.predict(SERIES)
    assert info.value.problem is not None
    assert (info.value.problem.status, pauses) == (status, [])


def test_attempts_come_to_an_end() -> None:
    """The last refusal is the error."""
    client, pauses, _ = client_of(*[refuse(503)] * 4)
    with pytest.raises(ServerUnavailable) as info:
        client.predict(SERIES)
    assert info.value.problem is not None
    assert len(pauses) == 3


def test_a_server_that_does_not_answer_ends_with_the_timeout() -> None:
    """One timeout for everything, and the server is told of it."""
    limits: list[str] = []

    async def hang(request: httpx.Request) -> httpx.Response:
        limits.append(request.headers["X-Request-Timeout"])
        await asyncio.sleep(60)
        raise AssertionError

    started = time.monotonic()
    transport = httpx.MockTransport(hang)
    with (
        Client("http://server", transport=transport, timeout=0.2) as client,
        pytest.raises(ServerUnavailable, match=r"http://server/model: no response within 0\.2 s"),
    ):
        client.predict(SERIES)
    assert time.monotonic() - started < 30
    assert float(limits[0]) <= 0.2


def test_a_redirect_says_where_to() -> None:
    """The URL of a client is the server's, or that of what is before it."""
    moved = httpx.Response(301, headers={"Location": "https://other/model"})
    with (
        Client("http://server", transport=httpx.MockTransport(lambda _: moved)) as client,
        pytest.raises(UnexpectedResponse, match=r"/model: 301 .* 'https://other/model': use that"),
    ):
        client.model()


def test_a_refusal_that_is_no_problem_document_is_reported_by_its_status() -> None:
    """A balancer in between may speak HTML."""
    with (
        Client("http://x", transport=served_by(lambda _: httpx.Response(404, text="<html>"))) as client,
        pytest.raises(UnexpectedResponse, match="http://x/predict: 404 Not Found"),
    ):
        client.predict(SERIES)


def test_retry_after_is_seconds_or_a_date() -> None:
    """Whatever else it is is none."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < (retry_after_seconds(later) or 0) <= 60
    assert [retry_after_seconds(value) for value in ("7", "", None, "soon", "-3")] == [
        7,
        None,
        None,
        None,
        None,
    ]
