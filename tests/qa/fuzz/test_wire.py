"""`qa.fuzz.wire`: what a server does wrong on a connection is seen, and what it is like afterwards, too."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.contract import Artifact
from qa.fuzz import wire
from qa.fuzz.client import Answer, Seen
from qa.fuzz.delivery import Delivery, Goodbye
from qa.fuzz.server import ROOT, Server
from tests.conftest import free_port
from tests.qa.fuzz import broken_server

GET = Delivery([b"GET / HTTP/1.1\r\n\r\n"], 0, Goodbye.HALF_CLOSE)
HEAD = Delivery([b"HE", b"AD / HTTP/1.1\r\n\r\n"], 0, Goodbye.HALF_CLOSE)
PROBLEM = {b"content-type": b"application/problem+json"}


@pytest.mark.parametrize(
    ("seen", "complaints"),
    [
        (Seen(closed=True), []),
        (Seen([Answer(200, {}, b"x"), Answer(503, {}, b""), Answer(504, {}, b"")]), []),
        (Seen([Answer(200, {}, b""), Answer(500, {}, b"")]), ["status 500"]),
        (Seen([Answer(502, {}, b"")]), ["status 502"]),
        (Seen(hung=True), ["neither answered nor closed"]),
        (Seen(cut=True), ["an answer that ends early"]),
        (Seen(broken="x"), ["no HTTP: x"]),
        (Seen([Answer(400, PROBLEM, b'{"status": 400}')]), []),
        (Seen([Answer(400, PROBLEM, b'{"status": 422}')]), ["status 400 with a document that says 422"]),
        (Seen([Answer(400, PROBLEM, b"{")]), ["status 400 with a document that is no JSON: b'{'"]),
    ],
)
def test_what_comes_of_a_case_is_judged(seen: Seen, complaints: list[str]) -> None:
    """A server error, silence, half an answer, and what is no HTTP or no document are complaints."""
    assert list(wire.judge(GET, seen)) == complaints


def test_answers_without_bodies_are_not_taken_for_cut_ones() -> None:
    """After HEAD only statuses and silence can be judged."""
    assert list(wire.judge(HEAD, Seen(cut=True, broken="x"))) == []
    assert list(wire.judge(HEAD, Seen([Answer(500, {}, b"")], hung=True))) == [
        "neither answered nor closed",
        "status 500",
    ]


@contextmanager
def faulty(log: Path, *faults: str) -> Iterator[Server]:
    """A server with these faults."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.qa.fuzz.broken_server", str(port), *faults],
            cwd=ROOT,
            stderr=output,
        )
    try:
        _wait_for(process, log)
        yield Server(process, port=port, log=log)
    finally:
        process.kill()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], log: Path) -> None:
    # By its word and not by a connection, which it might still have open when its descriptors are counted.
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if broken_server.LISTENS in log.read_text():
            return
        time.sleep(0.02)
    raise AssertionError("the server does not listen")


def complaints_of(server: Server, artifact: Artifact, *, files: int = 1000, grown: int = 0) -> list[str]:
    """What is found wrong with a server."""
    return list(wire.complaints(server, artifact, files=files, grown=grown, settle=0.1))


def test_nothing_is_wrong_with_a_server_without_faults(artifact: Artifact, tmp_path: Path) -> None:
    """Right answers, no error, no trace, and an end in peace."""
    with faulty(tmp_path / "log") as server:
        assert server.memory() > 10_000_000
        assert complaints_of(server, artifact) == []


def test_every_fault_of_a_server_is_found(artifact: Artifact, tmp_path: Path) -> None:
    """All at once: errors that it counted, wrong answers, memory, descriptors, its end and its log."""
    faults = (broken_server.COUNTS, broken_server.WRONG, broken_server.TRACES, broken_server.DIES)
    with faulty(tmp_path / "log", *faults) as server:
        files = server.descriptors()
        assert complaints_of(server, artifact, files=1, grown=10**9) == [
            "it counted 2 answers of status 500",
            "its golden answers are wrong",
            "it grew by 1000 MB",
            f"{files - 1} descriptors more than before are open",
            f"asked to end, it ended with {broken_server.DEATH}",
            "1 lines with Traceback in its log; the first: ValueError: " + broken_server.LAST_WORDS,
        ]


def test_a_server_that_is_gone_is_found(artifact: Artifact, tmp_path: Path) -> None:
    """There is nothing more to ask it then."""
    with faulty(tmp_path / "log") as server:
        server.stop()
        assert complaints_of(server, artifact) == ["the server ended with 0"]
