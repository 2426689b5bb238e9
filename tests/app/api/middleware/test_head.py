"""HEAD, wherever there is GET: the same status and headers, and not a byte of a body."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact
from qa.harness.messages import Headers, get, head
from tests.app.api.served import Served, served
from tests.app.conftest import App
from tests.app.http.played import play, serving, until
from tests.app.telemetry.tracing.kept import keep
from tests.support.fakes import FakeEngine

CLOSE = [("Connection", "close")]
# Differ from one answer to the next.
OWN = frozenset({"date", "server-timing", "x-request-id"})
FILES = "/static-offline-docs"
# With the status that GET gets.
TARGETS = {
    "/livez": 200,
    "/readyz": 200,
    "/startupz": 200,
    "/model": 200,
    "/docs": 200,
    "/openapi.json": 200,
    "/": 200,
    "/problems/contract": 200,
    "/problems/nothing": 404,
    f"{FILES}/swagger-ui.css": 200,
    f"{FILES}/nothing": 404,
    "/predict": 405,
    "/predict/": 404,
    "/nowhere": 404,
}


@pytest.fixture(scope="module")
def running(plain_artifact: Artifact) -> Iterator[Served]:
    """A server."""
    with served(plain_artifact) as app:
        yield app


def all_bytes(app: Served, sent: bytes) -> bytes:
    """All that comes for what is sent, up to the end of the connection."""
    parts = urlsplit(app.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(sent)
        return connection.makefile("rb").read()


def whole_answer(app: Served, method: str, target: str, headers: Headers = ()) -> tuple[int, Message, bytes]:
    """Status, headers and every byte after them up to the end of the connection."""
    before, _, after = all_bytes(app, head(method, target, [*CLOSE, *headers])).partition(b"\r\n\r\n")
    line, _, fields = before.partition(b"\r\n")
    return int(line.split()[1]), BytesParser().parsebytes(fields + b"\r\n\r\n"), after


def shared(headers: Message) -> dict[str, str]:
    """Headers that do not differ from one answer to the next."""
    return {name.lower(): value for name, value in headers.items() if name.lower() not in OWN}


@pytest.mark.parametrize(("target", "status"), TARGETS.items())
def test_it_is_a_get_without_the_body(running: Served, target: str, status: int) -> None:
    """Errors too; the length is that of GET's body."""
    got, got_headers, content = whole_answer(running, "GET", target)
    asked, asked_headers, nothing = whole_answer(running, "HEAD", target)
    assert (got, asked) == (status, status)
    assert shared(asked_headers) == shared(got_headers)
    assert int(asked_headers["content-length"]) == len(content)
    assert nothing == b""
    assert asked_headers["x-request-id"]
    assert asked_headers["server-timing"].startswith("total;dur=")


def test_the_metrics_have_it_too(running: Served) -> None:
    """Their length changes from one answer to the next."""
    status, headers, nothing = whole_answer(running, "HEAD", "/metrics")
    assert (status, nothing) == (200, b"")
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert int(headers["content-length"]) > 1000


def test_a_part_of_a_file_is_for_get_alone(running: Served) -> None:
    """Of HEAD the header is ignored (RFC 9110, 14.2)."""
    part = [("Range", "bytes=0-9")]
    assert whole_answer(running, "GET", f"{FILES}/swagger-ui.css", part)[0] == 206
    status, headers, nothing = whole_answer(running, "HEAD", f"{FILES}/swagger-ui.css", part)
    assert (status, headers["content-range"], nothing) == (200, None, b"")


def test_a_file_that_is_known_is_not_modified(running: Served) -> None:
    """By its tag, as with GET."""
    tag = whole_answer(running, "HEAD", f"{FILES}/favicon.png")[1]["etag"]
    assert whole_answer(running, "HEAD", f"{FILES}/favicon.png", [("If-None-Match", tag)])[0] == 304


def test_the_next_answer_on_the_connection_follows_at_once(running: Served) -> None:
    """Nothing of a body that a client does not wait for."""
    came = all_bytes(running, head("HEAD", "/docs") + head("GET", "/livez", CLOSE))
    _, first, second = came.split(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\n")
    assert first.count(b"\r\n\r\n") == 1
    assert b'"state":"ready"' in second


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/livez", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
        (f"{FILES}/favicon.png", "GET, HEAD"),
        ("/", "GET, HEAD"),
        ("/predict", "POST"),
    ],
)
@pytest.mark.parametrize("method", ["DELETE", "OPTIONS"])
def test_other_methods_learn_of_it(app: App, path: str, allowed: str, method: str) -> None:
    """`Allow` names it where it names GET."""
    response = app.client.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


def test_head_of_what_takes_post_is_not_allowed(app: App) -> None:
    """There is no GET whose headers it could have."""
    response = app.client.head("/predict")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_a_draining_server_says_so(app: App) -> None:
    """`/readyz` as a balancer asks that sends HEAD."""
    app.service.drain()
    assert [app.client.head(probe).status_code for probe in ("/readyz", "/livez")] == [503, 200]


def test_an_unexpected_error_is_the_same_one(app: App) -> None:
    """The framework answers it outside of all that is ours."""
    app.service.status = None  # type: ignore[assignment, method-assign]
    got, asked = app.client.get("/livez"), app.client.head("/livez")
    assert (got.status_code, asked.status_code) == (500, 500)
    assert asked.headers["content-type"] == "application/problem+json"
    assert asked.headers["x-request-id"]


def test_a_key_is_needed_as_for_get(plain_artifact: Artifact, tmp_path: Path) -> None:
    """And what is closed is closed."""
    key, file = new_key(), tmp_path / "keys"
    file.write_text(line_of("caller", key))
    with served(plain_artifact, api_keys_file=file, protected_routes=("metrics",)) as app:
        for target in ("/model", "/metrics"):
            status, headers, nothing = whole_answer(app, "HEAD", target)
            assert (status, headers["www-authenticate"], nothing) == (401, "Bearer", b"")
            assert whole_answer(app, "HEAD", target, [("X-API-Key", key)])[0] == 200
        assert whole_answer(app, "HEAD", "/livez")[0] == 200


def test_it_is_counted_logged_and_traced_as_what_it_is(
    plain_artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """Under its route, with its own method."""
    kept = keep()

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), access_log=True, traces=kept.traces) as played:
            connection = played.connect()
            connection.send(head("HEAD", "/model", CLOSE))
            await until(lambda: connection.closed)
            metrics = (await played.connect().ask(get("/metrics"))).body
            assert (
                b'timeseries_http_requests_total{protocol="native",route="/model",status="200"} 1.0'
                in metrics
            )

    with caplog.at_level(logging.INFO, "app.access"):
        play(scenario())
    assert next(record.getMessage() for record in caplog.records if record.name == "app.access") == (
        "HEAD /model 200"
    )
    assert [span.name for span in kept.requests] == ["HEAD /model"]
