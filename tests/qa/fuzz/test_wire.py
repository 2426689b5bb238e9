"""`qa.fuzz.wire`: what a server does wrong on a connection is seen, and what it is like afterwards, too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

import pytest

from app.contract import Artifact
from qa.fuzz import wire
from qa.fuzz.delivery import ConnectionEnd, Delivery, Observation
from qa.harness.messages import Response
from qa.harness.proc import held
from qa.harness.server import ServerProcess, free_port
from tests.qa.fuzz import broken_server

GET = Delivery([b"GET / HTTP/1.1\r\n\r\n"], 0, ConnectionEnd.HALF_CLOSE)
HEAD = Delivery([b"HE", b"AD / HTTP/1.1\r\n\r\n"], 0, ConnectionEnd.HALF_CLOSE)


def answer(status: int, body: bytes = b"") -> Response:
    """An answer; a 400 says that it is a problem document."""
    headers = Message()
    if status == 400:
        headers["Content-Type"] = "application/problem+json"
    return Response(status, headers, body)


@pytest.mark.parametrize(
    ("seen", "violations"),
    [
        (Observation(closed=True), []),
        (Observation([answer(200, b"x"), answer(503), answer(504)]), []),
        (Observation([answer(200), answer(500)]), ["status 500"]),
        (Observation([answer(502)]), ["status 502"]),
        (Observation(hung=True), ["no response and not closed"]),
        (Observation(cut=True), ["an incomplete response"]),
        (Observation(broken="x"), ["not HTTP: x"]),
        (Observation([answer(400, b'{"status": 400}')]), []),
        (Observation([answer(400, b'{"status": 422}')]), ["status 400 with a document of status 422"]),
        (Observation([answer(400, b"{")]), ["status 400 with a document that is not JSON: b'{'"]),
    ],
)
def test_violations_of_a_case_are_found(seen: Observation, violations: list[str]) -> None:
    """A server error, silence, half an answer, and what is no HTTP or no document are violations."""
    assert list(wire.check(GET, seen)) == violations


def test_answers_without_bodies_are_not_taken_for_cut_ones() -> None:
    """After HEAD only statuses and hangs can be checked."""
    assert list(wire.check(HEAD, Observation(cut=True, broken="x"))) == []
    assert list(wire.check(HEAD, Observation([answer(500)], hung=True))) == [
        "no response and not closed",
        "status 500",
    ]


@contextmanager
def faulty(log: Path, *faults: str) -> Iterator[ServerProcess]:
    """A server with these faults."""
    port = free_port()
    command = (sys.executable, "-m", "tests.qa.fuzz.broken_server", str(port), *faults)
    server = ServerProcess(command, log=log, port=port)
    try:
        server.start()
        # Not by a connection, which it might still have open when its descriptors are counted.
        server.wait_for_log(broken_server.LISTENS)
        yield server
    finally:
        server.kill()


def violations_of(
    server: ServerProcess, artifact: Artifact, *, files: int = 1000, grown: int = 0
) -> list[str]:
    """What is found wrong with a server."""
    return list(wire.violations(server, artifact, files=files, grown=grown, settle=0.1))


def test_nothing_is_wrong_with_a_server_without_faults(artifact: Artifact, tmp_path: Path) -> None:
    """Right answers, no error, no trace, and an end in peace."""
    with faulty(tmp_path / "log") as server:
        assert held(server.pid).resident > 10_000_000
        assert violations_of(server, artifact) == []


def test_every_fault_of_a_server_is_found(artifact: Artifact, tmp_path: Path) -> None:
    """All at once: errors that it counted, wrong answers, memory, descriptors, its end and its log."""
    faults = (broken_server.COUNTS, broken_server.WRONG, broken_server.TRACES, broken_server.DIES)
    with faulty(tmp_path / "log", *faults) as server:
        files = held(server.pid).descriptors
        assert violations_of(server, artifact, files=1, grown=10**9) == [
            "the metrics count 2 responses with status 500",
            "golden answers are wrong",
            "memory grew by 1000 MB",
            f"{files - 1} more descriptors are open than before",
            f"after SIGTERM it exited with code {broken_server.DEATH}",
            "1 lines with Traceback in the log; the first: ValueError: " + broken_server.LAST_WORDS,
        ]


def test_a_server_that_is_gone_is_found(artifact: Artifact, tmp_path: Path) -> None:
    """There is nothing more to ask it then."""
    with faulty(tmp_path / "log") as server:
        server.stop()
        assert violations_of(server, artifact) == ["the server exited with code 0"]
