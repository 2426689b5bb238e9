"""What the balancer answers itself is a problem document like the replicas', whatever a client sends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from qa.harness.balancer import BALANCER_CONFIG
from qa.harness.messages import Response
from qa.harness.server import ServerProcess
from tests.deploy.conftest import Balance
from tests.deploy.upstream import CUT, HANG, Upstream
from tests.deploy.wire import exchange, problem, request

HEAD = b"POST /predict HTTP/1.1\r\nHost: balancer\r\n"
UNREAD = {
    "no request": b"GARBAGE\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "a length that is none": HEAD + b"Content-Length: x\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "another transfer encoding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
    "a body of HTTP/1.0": b"GET / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx",
    "a byte that is no character of a URL": b"GET /\xe9 HTTP/1.1\r\nHost: balancer\r\n\r\n",
    "more headers than can be parsed": HEAD + b"a: b\r\n" * 300 + b"\r\n",
    "a head larger than the buffer": HEAD + b"a: " + b"b" * 1_100_000 + b"\r\n\r\n",
    "an address larger than the buffer": b"GET /" + b"a" * 1_100_000 + b" HTTP/1.1\r\n\r\n",
}


def _is_right(answer: Response | None, *, answers_unread: bool) -> None:
    """The answer to what was not parsed: a document without an id of its own, or none at all."""
    if not answers_unread:
        assert answer is None
        return
    assert answer is not None
    assert problem(answer, status=answer.status)["request_id"] == "none"


@pytest.mark.parametrize("sent", UNREAD.values(), ids=UNREAD.keys())
def test_what_cannot_be_parsed_gets_no_html(balance: Balance, sent: bytes, answers_unread: bool) -> None:
    """A problem document, or the end of the connection where HAProxy has nothing but HTML to say."""
    with Upstream() as upstream:
        _is_right(exchange(balance(upstream).port, sent), answers_unread=answers_unread)
        assert not upstream.heads


@pytest.mark.parametrize("target", ["/drift/reset", "/forda/drift/reset?a=b", "/drift/rese%74"])
def test_drift_is_not_reset_through_the_balancer(balance: Balance, target: str) -> None:
    """A replica on the balancer's machine would take it for a request from its own machine."""
    with Upstream() as upstream:
        answer = exchange(balance(upstream).port, request(target=target))
        assert problem(answer, status=403)["type"] == "/problems/forbidden"
        assert not upstream.heads


def test_a_head_that_ends_early_gets_no_html(
    balance: Balance, quick_config: Path, answers_unread: bool
) -> None:
    """Whether the client closes its sending side, or sends no more."""
    with Upstream() as upstream:
        port = balance(upstream, config=quick_config).port
        closed = exchange(port, b"GET / HT", half_close=True)
        _is_right(closed, answers_unread=answers_unread)
        _is_right(exchange(port, b"GET / HT"), answers_unread=answers_unread)


def test_a_body_that_does_not_arrive_is_reported_with_its_request_id(
    balance: Balance, quick_config: Path
) -> None:
    """408, and no replica was asked."""
    with Upstream() as upstream:
        sent = HEAD + b"X-Request-Id: mine\r\nContent-Length: 9\r\n\r\n{}"
        answer = exchange(balance(upstream, config=quick_config).port, sent)
        assert problem(answer, status=408)["request_id"] == "mine"
        assert not upstream.heads


def test_a_client_that_closes_its_sending_side_gets_a_document(balance: Balance) -> None:
    """HAProxy 3 tells it that its request was cancelled; 2.6 sends it what came of it."""
    with Upstream(CUT) as upstream:
        answer = exchange(balance(upstream).port, request([("X-Request-Id", "mine")]), half_close=True)
    assert answer is not None
    assert answer.status in (400, 502)
    assert problem(answer, status=answer.status)["request_id"] == "mine"


def test_a_client_that_closes_its_sending_side_too_early_gets_no_html(balance: Balance) -> None:
    """Without all of its body there is no request to answer: at most a document comes."""
    with Upstream() as upstream:
        sent = HEAD + b"Content-Length: 9\r\n\r\n{}"
        answer = exchange(balance(upstream).port, sent, half_close=True)
        assert answer is None or problem(answer, status=400)
        assert not upstream.heads


def test_a_response_that_breaks_off_is_reported(balance: Balance) -> None:
    """502 with the request's id."""
    with Upstream(CUT) as upstream, Upstream(CUT) as other:
        answer = exchange(balance(upstream, other).port, request([("X-Request-Id", "mine")]))
    assert problem(answer, status=502)["request_id"] == "mine"


def test_replicas_that_hang_are_reported(balance: Balance) -> None:
    """504 with the request's id."""
    with Upstream(HANG) as upstream, Upstream(HANG) as other:
        answer = exchange(balance(upstream, other, TRY_TIMEOUT="0").port, request([("X-Request-Id", "mine")]))
    assert problem(answer, status=504)["request_id"] == "mine"


OTHERS = pytest.mark.parametrize("target", ["/v1/models/forda:predict", "/v2/models/forda/infer", "/v2"])


def _error(answer: Response | None, *, status: int) -> str:
    """The words of an answer in the form of the protocols beside the server's own."""
    assert answer is not None
    assert answer.status == status
    assert answer.headers.get_all("Content-Type") == ["application/json"]  # to the letter: KServe's client
    assert answer.headers.get_all("X-Request-Id") == ["mine"]
    document = json.loads(answer.body)
    assert set(document) == {"error"}
    return str(document["error"])


@OTHERS
def test_clients_of_other_protocols_get_retry_after(balance: Balance, target: str) -> None:
    """503 in the form that they show to their users."""
    answer = exchange(balance().port, request([("X-Request-Id", "mine")], target=target))
    assert _error(answer, status=503).startswith("no replica is ready; try again after Retry-After")
    assert answer is not None
    assert answer.headers["Retry-After"] == "1"


@OTHERS
@pytest.mark.parametrize(
    ("behaviour", "status", "words"),
    [
        (CUT, 502, "a replica closed the connection before it had responded; try again"),
        (HANG, 504, "no replica responded in time"),
    ],
)
def test_clients_of_other_protocols_can_read_what_failed(
    balance: Balance, target: str, behaviour: str, status: int, words: str
) -> None:
    """As `test_a_response_that_breaks_off_is_reported`, in their form."""
    sent = request([("X-Request-Id", "mine")], target=target)
    with Upstream(behaviour) as upstream, Upstream(behaviour) as other:
        assert _error(exchange(balance(upstream, other, TRY_TIMEOUT="0").port, sent), status=status) == words


@OTHERS
def test_clients_of_other_protocols_can_read_that_their_body_is_late(
    balance: Balance, quick_config: Path, target: str
) -> None:
    """408, and no replica was asked."""
    sent = request([("X-Request-Id", "mine")], target=target).replace(b"-Length: 2", b"-Length: 9")
    with Upstream() as upstream:
        answer = exchange(balance(upstream, config=quick_config).port, sent)
        assert _error(answer, status=408) == "the balancer did not receive the whole body in time"
        assert not upstream.heads


def test_without_a_ready_replica_the_response_has_retry_after(balance: Balance) -> None:
    """503 at once, with Retry-After."""
    answer = exchange(balance().port, request([("X-Request-Id", "mine")]))
    assert problem(answer, status=503)["request_id"] == "mine"
    assert answer is not None
    assert answer.headers["Retry-After"] == "1"


@pytest.fixture
def without_replicas(balance: Balance) -> ServerProcess:
    """A balancer that answers every request itself, and logs it."""
    return balance()


@pytest.mark.parametrize(
    "ids",
    [
        ['good, evil","detail":"x'],
        ["good", 'evil","detail":"x'],
        ['evil","detail":"x', "good"],
        ["good", "good"],
        ['evil","detail":"x'],
        ["x" * 129],
        [""],
    ],
    ids=str,
)
def test_an_unsafe_request_id_gets_into_no_answer_and_no_log(
    without_replicas: ServerProcess, ids: list[str]
) -> None:
    """There is a new one instead, and only one."""
    answer = exchange(without_replicas.port, request([("X-Request-Id", given) for given in ids]))
    made = problem(answer, status=503)["request_id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", made)
    without_replicas.wait_for_log(made)
    assert "evil" not in without_replicas.output


def test_replicas_get_one_request_id(balance: Balance) -> None:
    """The one that the balancer has checked, also where the client sent several."""
    with Upstream() as upstream:
        port = balance(upstream).port
        exchange(port, request([("X-Request-Id", "a"), ("X-Request-Id", "b")]))
        exchange(port, request([("X-Request-Id", "a, b")]))
        exchange(port, request([("X-Request-Id", "order-66:a/b")]))
        given = [head.get_all("X-Request-Id") for head in upstream.heads]
    assert [len(ids or ()) for ids in given] == [1, 1, 1]
    assert [len(ids[0]) for ids in given[:2] if ids] == [36, 36]
    assert given[2] == ["order-66:a/b"]


def test_a_client_writes_no_line_of_the_log(without_replicas: ServerProcess) -> None:
    """Quotes in an address are escaped, and headers are not in the log."""
    target = '/predict?a=b"c\\'
    answer = exchange(
        without_replicas.port, request([("X-Request-Id", "mine"), ("User-Agent", "agent")], target=target)
    )
    assert problem(answer, status=503)
    without_replicas.wait_for_log(r"\{mine\}")
    (line,) = [line for line in without_replicas.output.splitlines() if "{mine}" in line]
    assert line.endswith('{mine} "POST /predict?a=b#22c\\ HTTP/1.1"')


def test_a_client_does_not_say_where_it_comes_from(balance: Balance) -> None:
    """Replicas get the address of the connection alone."""
    claimed = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "x"), ("Forwarded", "for=192.0.2.1")]
    with Upstream() as upstream:
        exchange(balance(upstream).port, request(claimed))
        (head,) = upstream.heads
    assert head.get_all("X-Forwarded-For") == ["127.0.0.1"]
    assert "Forwarded" not in head


@pytest.mark.parametrize(
    "path", sorted((BALANCER_CONFIG.parent / "errors").iterdir()), ids=lambda path: path.stem
)
def test_a_fixed_answer_is_a_document(path: Path) -> None:
    """Each file is the answer that its name says, of the right length, and used."""
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    status_line, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status_line.split(" ")[1] == path.stem
    assert int(headers["Content-Length"]) == len(body)
    document = json.loads(body)
    assert document["status"] == int(path.stem)
    assert document["request_id"] == headers["X-Request-Id"] == "none"
    text = BALANCER_CONFIG.read_text(encoding="utf-8")
    assert f"errorfile {path.stem} errors/{path.name}\n" in text
