"""`app.http.fast_path`: past the framework and through it, a real server gives the same answers."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qa.harness.http_client import HttpClient
from qa.harness.messages import Headers, as_json, as_npy, get, head, post
from qa.harness.server import ServerProcess
from tests.app.conftest import LENGTH, series
from tests.app.http.fast_path.compared import told

JSON, NPY = "application/json", "application/x-npy"
BINARY = [("Content-Type", NPY), ("Accept", NPY)]
GOOD = as_json(series(0.5))
GOOD_NPY = as_npy(series(0.5, -0.5))
DIRECT, ONWARDS = "/predict", "/predict?abstain=false"


@pytest.fixture(scope="module")
def wire(server: ServerProcess) -> Iterator[HttpClient]:
    """A connection that lasts for all these tests, whatever they ask."""
    with HttpClient(server.url) as connection:
        yield connection


def counted(wire: HttpClient) -> dict[str, float]:
    """Every count of requests, series and batches."""
    lines = wire.ask(get("/metrics")).body.decode().splitlines()
    samples = (line.rpartition(" ")[::2] for line in lines if line.startswith("timeseries_"))
    kinds = ("_total", "_count")
    return {
        name: float(value)
        for name, value in samples
        if (family := name.partition("{")[0]).endswith(kinds) and not family.endswith("_seconds_total")
    }


def with_value(value: float) -> bytes:
    """Two series as npy, with a value that is none of a series."""
    array = series(0.5, -0.5)
    array[1, 17] = value
    return as_npy(array)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param([], GOOD, 200, id="json"),
        pytest.param([("Content-Type", JSON)], GOOD, 200, id="json by name"),
        pytest.param([("Content-Type", "Application/JSON; charset=UTF-8")], GOOD, 200, id="json in full"),
        pytest.param([("Content-Type", JSON), ("Content-Type", NPY)], GOOD, 400, id="two content types"),
        pytest.param([("Content-Type", NPY)] * 2, GOOD_NPY, 200, id="one content type twice"),
        pytest.param([("Accept", "text/html"), ("Accept", NPY)], GOOD, 200, id="two lines of accept"),
        pytest.param([("X-Request-Timeout", "5"), ("X-Request-Timeout", "6")], GOOD, 422, id="two timeouts"),
        pytest.param([("X-Request-Timeout", "5")] * 2, GOOD, 200, id="one timeout twice"),
        pytest.param([("X-Request-Id", "a"), ("X-Request-Id", "b")], GOOD, 200, id="two ids"),
        pytest.param([("X-Request-Id", "a")] * 2, GOOD, 200, id="one id twice"),
        pytest.param([("Content-Type", f"{JSON}; charset=us-ascii")], GOOD, 200, id="ascii"),
        pytest.param([], codecs.BOM_UTF8 + GOOD, 200, id="byte order mark"),
        pytest.param(
            [("Content-Type", f"{JSON}; charset=ascii")], codecs.BOM_UTF8 + GOOD, 200, id="not ascii"
        ),
        pytest.param([], codecs.BOM_UTF8 * 2 + GOOD, 400, id="two byte order marks"),
        pytest.param([], as_json(series(*range(32))), 200, id="several series"),
        pytest.param(BINARY, GOOD_NPY, 200, id="npy"),
        pytest.param([("Accept", NPY)], GOOD, 200, id="json in, npy out"),
        pytest.param([("Accept", f"{NPY}; fields=all")], GOOD, 200, id="json in, all fields out"),
        pytest.param([("Content-Type", NPY)], GOOD_NPY, 200, id="npy in, json out"),
        pytest.param([("Accept", f"{NPY};q=0.5, {JSON}")], GOOD, 200, id="rather json"),
        pytest.param([("Accept", f"{JSON};q=0.5, {NPY}")], GOOD, 200, id="rather npy"),
        pytest.param([("Accept", "text/html")], GOOD, 200, id="something else"),
        pytest.param([("X-Request-Id", "abc-123")], GOOD, 200, id="sane id"),
        pytest.param([("X-Request-Id", "abc-123")], b"{", 400, id="sane id of a refusal"),
        pytest.param([("X-Request-Id", 'a "quote"')], b"{", 400, id="insane id"),
        pytest.param([("X-Request-Id", "ünïcode")], GOOD, 200, id="insane id, not ASCII"),
        pytest.param([("X-Request-Id", "")], GOOD, 200, id="no id"),
        pytest.param([("X-Request-Timeout", "5")], GOOD, 200, id="patience"),
        pytest.param([("X-Request-Timeout", "soon")], GOOD, 422, id="unknown patience"),
        pytest.param([], b"", 400, id="empty"),
        pytest.param([("Content-Type", NPY)], b"", 400, id="empty npy"),
        pytest.param([], b"{", 400, id="broken json"),
        pytest.param([], b"\xff\xfe{}", 400, id="not UTF-8"),
        pytest.param([("Content-Type", NPY)], GOOD_NPY[:-1], 400, id="broken npy"),
        pytest.param([("Content-Type", NPY)], GOOD, 400, id="json called npy"),
        pytest.param([], b'{"instances": []}', 422, id="no series"),
        pytest.param([], b'{"instances": [[1, 2]]}', 422, id="wrong length"),
        pytest.param([], b'{"series": 1, "x": 2}', 422, id="unknown fields"),
        pytest.param([], GOOD.replace(b"0.5", b"NaN"), 422, id="NaN"),
        pytest.param([], GOOD.replace(b"0.5", b'"0.5"'), 422, id="text for a number"),
        pytest.param([], as_json(series(*[0.0] * 257)), 422, id="too many series"),
        pytest.param(BINARY, with_value(np.nan), 422, id="NaN in npy"),
        pytest.param(BINARY, with_value(np.inf), 422, id="infinity in npy"),
        pytest.param(BINARY, as_npy(np.zeros((2, 499), np.float32)), 422, id="wrong length in npy"),
        pytest.param(BINARY, as_npy(np.zeros((2, LENGTH), np.complex64)), 422, id="no numbers in npy"),
        pytest.param([("Content-Type", "text/csv")], b"1,2", 415, id="unknown type"),
        pytest.param([("Content-Type", "")], GOOD, 200, id="no type"),
        pytest.param([("Content-Type", f"{JSON}; charset=latin-1")], GOOD, 415, id="unknown charset"),
    ],
)
def test_both_paths_respond_and_count_alike(
    wire: HttpClient, headers: Headers, body: bytes, status: int
) -> None:
    """Status, headers and document are the same, chunked or not; and so is every count that changes."""
    before = counted(wire)
    direct = told(wire.ask(post(body, headers)))
    between = counted(wire)
    onwards = told(wire.ask(post(body, headers, target=ONWARDS)))
    after = counted(wire)
    assert direct[0] == status
    assert direct == onwards
    assert told(wire.ask(post(body, headers, chunks=1000))) == onwards
    steps = [{key: b[key] - a.get(key, 0.0) for key in b} for a, b in ((before, between), (between, after))]
    assert steps[0] == steps[1]
    assert (
        steps[0][f'timeseries_http_requests_total{{protocol="native",route="/predict",status="{status}"}}']
        == 1
    )


def test_a_body_beyond_the_limit_is_refused_alike(server: ServerProcess, wire: HttpClient) -> None:
    """413 by its length alone, and the end of the connection; in chunks, when the limit is reached."""
    body = bytes(4 * 1024 * 1024 + 1)
    heads = [head("POST", target, [("Content-Length", str(len(body)))]) for target in (DIRECT, ONWARDS)]
    answers = []
    for request in (*heads, post(body * 2, chunks=len(body))):
        with HttpClient(server.url) as other:
            other.send(request)
            answers.append(told(other.read_to_the_end()[0]))
    direct, onwards, chunked = answers
    assert direct == onwards
    assert [(status, headers["connection"]) for status, headers, _ in answers] == [(413, "close")] * 3
    assert chunked[2]["type"] == direct[2]["type"]
    assert wire.ask(post(body[1:])).status == 400  # read to its end


# Anything but the end of a line: what follows would be another header, or the end of all.
Anything = st.binary(max_size=20).map(lambda value: value.translate(None, b"\r\n"))
Types = st.sampled_from([JSON, NPY, "text/csv", "", "*/*", "application/*;q=0.1"]) | Anything
Header = st.tuples(st.sampled_from(["Content-Type", "Accept", "X-Request-Id", "X-Request-Timeout"]), Types)
Number = st.sampled_from(["1", "-2.5", "1e3", "1e999", "null", '"1"', "true", "[]", "NaN", "0x1", ""])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good body of which a part was replaced."""
    good = draw(st.sampled_from([GOOD, GOOD_NPY]))
    start = draw(st.integers(0, 200) | st.integers(0, len(good)))
    return good[:start] + draw(st.binary(max_size=5)) + good[start + draw(st.integers(0, 5)) :]


Body = st.one_of(
    st.binary(max_size=100),
    damaged(),
    st.lists(Number, max_size=3).map(lambda numbers: f'{{"instances": [[{",".join(numbers)}]]}}'.encode()),
    Number.map(lambda number: GOOD.replace(b"0.5", number.encode())),
)


@settings(max_examples=500, deadline=None)
@example(headers=[("Content-Type", b"a\tb")], body=GOOD)
@example(headers=[("X-Request-Id", b"a" * 129)], body=b"{")
@given(headers=st.lists(Header, max_size=3), body=Body)
def test_both_paths_respond_alike_to_any_request(
    server: ServerProcess, headers: list[tuple[str, str | bytes]], body: bytes
) -> None:
    """Also where a header is none, and the connection has to end."""
    answers = []
    for target in (DIRECT, ONWARDS):
        with HttpClient(server.url) as wire:
            answers.append(told(wire.ask(post(body, headers, target=target))))
    assert answers[0] == answers[1]
