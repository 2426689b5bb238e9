"""Runs a server: free port, log, readiness, golden answers, stop."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peers import golden
from benchmarks.peers.bodies import Form
from benchmarks.peers.errors import PeerError
from benchmarks.peers.golden import Golden
from benchmarks.peers.plan import Plan
from benchmarks.peers.processes import Running, running
from benchmarks.peers.servers.base import ROOT, Peer, Place
from benchmarks.peers.single_requests import NO_ANSWER, ask, responds
from qa.harness.messages import Response
from qa.harness.process import NotServing
from qa.harness.server import free_port

# Timeout in seconds for a server to finish requests of earlier clients.
SETTLE = 120
# Timeout of each of the first requests; some servers lose a request that comes just as they get ready.
FIRST = 10


@dataclass(frozen=True, slots=True)
class Serving:
    """A server whose golden answers were verified.

    Attributes:
        command: that started it, without this machine's paths.
        ready: seconds from the start of the process until its health check succeeded.
        answered: seconds from then until the first prediction.
        difference: largest difference of a golden answer.
    """

    peer: Peer
    port: int
    command: str
    process: Running
    ready: float
    answered: float
    difference: float
    golden: Golden

    def settle(self) -> None:
        """Wait until it responds to a single request: some still compute for clients that disconnected.

        Raises:
            PeerError: it does not respond in time.
        """
        request = self.peer.request(Form.JSON, self.golden.series[:1])
        deadline = time.monotonic() + SETTLE
        while (answer := ask(self.port, request, seconds=SETTLE)).status != 200:
            if time.monotonic() > deadline:
                raise PeerError(f"after a load it responds with {answer.status}: {self.process.last_line()}")
            time.sleep(0.2)


@contextmanager
def serving(peer: Peer, plan: Plan, expected: Golden) -> Iterator[Serving]:
    """Start a server and verify its golden answers.

    Raises:
        PeerError: it does not start, or its predictions are wrong.
    """
    with TemporaryDirectory(prefix=f"{peer.key}-") as folder:
        place = Place(plan.environments, plan.model, Path(folder), free_port())
        launch = peer.launch(place)
        with running(launch, log=plan.scratch / f"{peer.key}.log") as process:
            process.wait_until(lambda: responds(place.port, peer.health), seconds=peer.seconds)
            ready = time.perf_counter() - process.started
            answered = _wait_for_an_answer(peer, place.port, process, expected)
            process.wait_until_idle()
            difference = golden.check(peer, place.port, expected)
            command = shown(launch.command, place)
            yield Serving(peer, place.port, command, process, ready, answered - ready, difference, expected)


def shown(command: Sequence[str], place: Place) -> str:
    """A command line without this machine's paths."""
    text = " ".join(command).replace(sys.executable, "python")
    names = {place.scratch: "SCRATCH", place.environments.absolute(): "CACHE", ROOT: ".", place.port: "PORT"}
    for value, name in names.items():
        text = text.replace(str(value), name)
    return text


def _wait_for_an_answer(peer: Peer, port: int, process: Running, expected: Golden) -> float:
    """Seconds from readiness to the first prediction: some servers report readiness too early.

    Raises:
        PeerError: there is none; the message has the last response.
    """
    request = peer.request(Form.JSON, expected.series[:1])
    last = Response(NO_ANSWER, Message(), b"")

    def is_good() -> bool:
        nonlocal last
        last = ask(port, request, seconds=FIRST)
        return last.status == 200

    try:
        process.wait_until(is_good, seconds=peer.seconds)
    except NotServing as error:
        text = last.body.decode(errors="replace")[:150]
        raise PeerError(f"ready, but it responds to series with {last.status} {text}") from error
    return time.perf_counter() - process.started
