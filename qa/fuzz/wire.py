"""Sends mutated requests to a real server's sockets, and checks the server afterwards."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from app.contract import Artifact
from qa.fuzz import npy_bodies
from qa.fuzz.delivery import Delivery, Observation, deliver, delivery
from qa.fuzz.errors import HarnessError
from qa.fuzz.http_requests import NPY, Requests
from qa.fuzz.report import Finding, Outcome
from qa.harness import proc
from qa.harness.http_client import exchange
from qa.harness.messages import Response, post
from qa.harness.server import ServerProcess, running_server

NAME = "wire"
TRACE = "Traceback"
# Statuses of 500 and more that are allowed.
EXCUSED = frozenset({501, 503, 504, 505})
# Allowed growth in bytes after the first quarter of the cases, when every cache is warm.
MOST_GROWTH = 32 * 1024 * 1024
_CONNECTIONS = 128
# Timeout of incomplete bodies; with the default of 10 s a run would be long.
_REQUEST_TIMEOUT = "2"
_SETTLE_SECONDS = 15.0
_ANSWERS = "timeseries_http_requests_total"


def case(artifact: Artifact, seed: int, number: int) -> Delivery:
    """The case with this number."""
    rng = Random(f"{seed}/{NAME}/{number}")
    return delivery(rng, Requests(artifact).stream(rng))


def fuzz(artifact: Artifact, *, seed: int, cases: int, folder: Path) -> Outcome:
    """Send cases to a server of the artifact.

    Args:
        artifact: the served artifact.
        seed: seed of all cases.
        cases: number of cases.
        folder: folder of the server's log.

    Raises:
        NotServing: the server does not start.
    """
    outcome = Outcome(NAME)
    started = time.perf_counter()
    with running_server(
        log=folder / "wire.log",
        ARTIFACT=str(artifact.folder.absolute()),
        REQUEST_TIMEOUT=_REQUEST_TIMEOUT,
        LOG_FORMAT="text",
    ) as server:
        files = proc.held(server.pid).descriptors
        parts = [len(part) for part in np.array_split(np.arange(cases), 4)]
        statuses: Counter[int] = Counter()
        memory = []
        for part in parts:
            numbers = range(outcome.cases, outcome.cases + part)
            asyncio.run(_send_all(artifact, server, seed, numbers, outcome.findings, statuses))
            outcome.cases += part
            memory.append(proc.memory(server.pid)[0])
        found = [*violations(server, artifact, files=files, grown=memory[-1] - memory[0])]
        outcome.findings += [Finding(NAME, violation) for violation in found]
    outcome.seconds = time.perf_counter() - started
    counts = ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
    sizes = " → ".join(f"{size / 1e6:.0f}" for size in memory)
    outcome.measured = f"{counts}; memory after each quarter {sizes} MB"
    return outcome


async def _send_all(
    artifact: Artifact,
    server: ServerProcess,
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
            findings.extend(Finding(f"{NAME}/{number}", violation) for violation in check(what, seen))

    await asyncio.gather(*(client() for _ in range(_CONNECTIONS)))


def check(what: Delivery, seen: Observation) -> Iterator[str]:
    """The violations of a case."""
    if seen.hung:
        yield "no response and not closed"
    for answer in seen.answers:
        if answer.status >= 500 and answer.status not in EXCUSED:
            yield f"status {answer.status}"
    if what.has_head_request:
        return
    if seen.broken:
        yield f"not HTTP: {seen.broken}"
    if seen.cut:
        yield "an incomplete response"
    for answer in seen.answers:
        if violation := _wrong_document(answer):
            yield violation


def _wrong_document(answer: Response) -> str | None:
    if not answer.headers.get("content-type", "").startswith(
        ("application/problem+json", "application/json")
    ):
        return None
    try:
        document = json.loads(answer.body) if answer.body else None
    except ValueError:
        return f"status {answer.status} with a document that is not JSON: {answer.body[:80]!r}"
    if (
        document is not None
        and answer.status >= 400
        and document.get("status", answer.status) != answer.status
    ):
        return f"status {answer.status} with a document of status {document['status']}"
    return None


def violations(
    server: ServerProcess, artifact: Artifact, *, files: int, grown: int, settle: float = _SETTLE_SECONDS
) -> Iterator[str]:
    """The violations of a server after all cases.

    Args:
        server: the server, without connections.
        artifact: the served artifact.
        files: number of descriptors that it had open before.
        grown: growth of its memory in bytes since its caches were warm.
        settle: seconds for the last connections to close.
    """
    if server.exit_code is not None:
        yield f"the server exited with code {server.exit_code}"
        return
    for status, count in counted(server).items():
        if status >= 500 and status not in EXCUSED:
            yield f"the metrics count {count} responses with status {status}"
    if not _golden_answers_are_right(server, artifact):
        yield "golden answers are wrong"
    if grown > MOST_GROWTH:
        yield f"memory grew by {grown / 1e6:.0f} MB"
    deadline = time.monotonic() + settle
    while (open_now := proc.held(server.pid).descriptors) > files and time.monotonic() < deadline:
        time.sleep(0.1)
    if open_now > files:
        yield f"{open_now - files} more descriptors are open than before"
    if (code := server.stop()) != 0:
        yield f"after SIGTERM it exited with code {code}"
    traces = server.output.count(TRACE)
    if traces:
        yield f"{traces} lines with {TRACE} in the log; the first: {_first_trace(server.output)}"


def counted(server: ServerProcess) -> Counter[int]:
    """Numbers of responses by status, from the server's metrics.

    Raises:
        HarnessError: the metric is missing.
    """
    found: Counter[int] = Counter()
    for family in text_string_to_metric_families(server.get("/metrics", seconds=30).body.decode()):
        for sample in family.samples:
            if sample.name == _ANSWERS:
                found[int(sample.labels["status"])] += int(sample.value)
    if not found:
        raise HarnessError(f"the server's metrics have no {_ANSWERS}")
    return found


def _golden_answers_are_right(server: ServerProcess, artifact: Artifact) -> bool:
    golden = artifact.golden
    request = post(npy_bodies.saved(golden.series), [("Content-Type", NPY), ("Accept", NPY)])
    found = np.load(io.BytesIO(exchange(server.port, request).body), allow_pickle=False)
    return bool(np.allclose(found, golden.probabilities, rtol=0, atol=artifact.contract.output.tolerance))


def _first_trace(log: str) -> str:
    lines = iter(log.splitlines())
    after = itertools.dropwhile(lambda line: TRACE not in line, lines)
    return next((line for line in after if line and not line.startswith((" ", TRACE))), "")[:200]
