"""Mutated requests to a real server's sockets, and what it is like after thousands of them."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np

from app.contract import Artifact
from qa.fuzz import npy_bodies
from qa.fuzz.client import Answer, Seen
from qa.fuzz.delivery import Delivery, deliver, delivery
from qa.fuzz.http_requests import NPY, Requests
from qa.fuzz.report import Finding, Outcome
from qa.fuzz.server import TRACE, Server, serving

NAME = "wire"
# Statuses of 500 and more that are no fault of the server's.
EXCUSED = frozenset({501, 503, 504, 505})
# What the process may grow by once every cache is warm, after the first quarter of the cases.
MOST_GROWTH = 32 * 1024 * 1024
_CONNECTIONS = 128
# A body that never comes is given up after so long; the default of 10 would make a run long.
_SETTINGS = {"REQUEST_TIMEOUT": "2", "LOG_FORMAT": "text"}
_SETTLE_SECONDS = 15.0


def case(artifact: Artifact, seed: int, number: int) -> Delivery:
    """The case of a number."""
    rng = Random(f"{seed}/{NAME}/{number}")
    return delivery(rng, Requests(artifact).stream(rng))


def fuzz(artifact: Artifact, *, seed: int, cases: int, folder: Path) -> Outcome:
    """Send so many cases to a server of the artifact.

    Args:
        artifact: that is served.
        seed: of all cases.
        cases: how many.
        folder: for the server's log.

    Raises:
        HarnessError: there is no server.
    """
    outcome = Outcome(NAME)
    started = time.perf_counter()
    settings = {**_SETTINGS, "ARTIFACT": str(artifact.folder.absolute())}
    with serving(folder / "wire.log", **settings) as server:
        files = server.descriptors()
        parts = [len(part) for part in np.array_split(np.arange(cases), 4)]
        statuses: Counter[int] = Counter()
        memory = []
        for part in parts:
            numbers = range(outcome.cases, outcome.cases + part)
            asyncio.run(_send_all(artifact, server, seed, numbers, outcome.findings, statuses))
            outcome.cases += part
            memory.append(server.memory())
        found = [*complaints(server, artifact, files=files, grown=memory[-1] - memory[0])]
        outcome.findings += [Finding(NAME, complaint) for complaint in found]
    outcome.seconds = time.perf_counter() - started
    told = ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
    sizes = " → ".join(f"{size / 1e6:.0f}" for size in memory)
    outcome.measured = f"{told}; memory after each quarter {sizes} MB"
    return outcome


async def _send_all(
    artifact: Artifact,
    server: Server,
    seed: int,
    numbers: range,
    findings: list[Finding],
    statuses: Counter[int],
) -> None:
    left: Iterator[int] = iter(numbers)

    async def client() -> None:
        for number in left:
            what = case(artifact, seed, number)
            try:
                seen = await deliver(server.port, what)
            except OSError as error:
                findings.append(Finding(f"{NAME}/{number}", f"no connection: {error}"))
                await asyncio.sleep(1)
                continue
            statuses.update(answer.status for answer in seen.answers)
            findings.extend(Finding(f"{NAME}/{number}", complaint) for complaint in judge(what, seen))

    await asyncio.gather(*(client() for _ in range(_CONNECTIONS)))


def judge(what: Delivery, seen: Seen) -> Iterator[str]:
    """What is wrong with what came of a case."""
    if seen.hung:
        yield "neither answered nor closed"
    for answer in seen.answers:
        if answer.status >= 500 and answer.status not in EXCUSED:
            yield f"status {answer.status}"
    if what.asks_for_heads:
        return
    if seen.broken:
        yield f"no HTTP: {seen.broken}"
    if seen.cut:
        yield "an answer that ends early"
    for answer in seen.answers:
        if complaint := _wrong_document(answer):
            yield complaint


def _wrong_document(answer: Answer) -> str | None:
    if not answer.headers.get(b"content-type", b"").startswith(
        (b"application/problem+json", b"application/json")
    ):
        return None
    try:
        document = json.loads(answer.body) if answer.body else None
    except ValueError:
        return f"status {answer.status} with a document that is no JSON: {answer.body[:80]!r}"
    if (
        document is not None
        and answer.status >= 400
        and document.get("status", answer.status) != answer.status
    ):
        return f"status {answer.status} with a document that says {document['status']}"
    return None


def complaints(
    server: Server, artifact: Artifact, *, files: int, grown: int, settle: float = _SETTLE_SECONDS
) -> Iterator[str]:
    """What is wrong with a server after all of it.

    Args:
        server: without connections.
        artifact: that it serves.
        files: descriptors that it had open before.
        grown: bytes that it took since its caches were warm.
        settle: seconds in which the last connections may end.
    """
    if server.exit_code is not None:
        yield f"the server ended with {server.exit_code}"
        return
    for status, count in server.counted().items():
        if status >= 500 and status not in EXCUSED:
            yield f"it counted {count} answers of status {status}"
    if not _golden_answers_are_right(server, artifact):
        yield "its golden answers are wrong"
    if grown > MOST_GROWTH:
        yield f"it grew by {grown / 1e6:.0f} MB"
    deadline = time.monotonic() + settle
    while (open_now := server.descriptors()) > files and time.monotonic() < deadline:
        time.sleep(0.1)
    if open_now > files:
        yield f"{open_now - files} descriptors more than before are open"
    if (code := server.stop()) != 0:
        yield f"asked to end, it ended with {code}"
    traces = server.log().count(TRACE)
    if traces:
        yield f"{traces} lines with {TRACE} in its log; the first: {_first_trace(server.log())}"


def _golden_answers_are_right(server: Server, artifact: Artifact) -> bool:
    golden = artifact.golden
    request = urllib.request.Request(  # noqa: S310 - this machine
        f"{server.url}/predict",
        data=npy_bodies.saved(golden.series),
        headers={"Content-Type": NPY, "Accept": NPY},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - this machine
        found = np.load(io.BytesIO(answer.read()), allow_pickle=False)
    return bool(np.allclose(found, golden.probabilities, rtol=0, atol=artifact.contract.output.tolerance))


def _first_trace(log: str) -> str:
    lines = iter(log.splitlines())
    after = itertools.dropwhile(lambda line: TRACE not in line, lines)
    return next((line for line in after if line and not line.startswith((" ", TRACE))), "")[:200]
