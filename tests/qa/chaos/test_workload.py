"""What is asked: golden series that can be told apart, and requests that deserve their errors."""

from __future__ import annotations

import asyncio
import io
import json
from itertools import combinations
from urllib.parse import urlsplit

import numpy as np

from app.contract import Artifact
from qa.chaos.bad_requests import bad_requests
from qa.chaos.client import Client
from qa.chaos.request_log import RequestLog
from qa.chaos.workload import Workload
from qa.harness.server import ServerProcess


def test_no_two_series_can_pass_for_each_other(artifact: Artifact) -> None:
    """Even if both are off by the whole tolerance, the answer to one is not right for another."""
    workload = Workload.of(artifact)
    assert len(workload.series) >= 5
    for one, other in combinations(workload.answers, 2):
        assert np.abs(one - other).max() > 2 * workload.tolerance


def test_bodies_hold_the_very_numbers(artifact: Artifact) -> None:
    """JSON and npy read back as the same float32, in the order of the expected answers."""
    workload = Workload.of(artifact)
    text, binary = workload.json(3, seed=4), workload.npy(3, seed=4)
    read = np.array(json.loads(text.body)["instances"], np.float32)
    np.testing.assert_array_equal(read, np.load(io.BytesIO(binary.body)))
    for series, expected in zip(read, text.expected, strict=True):
        place = int(np.flatnonzero((workload.series == series).all(axis=1))[0])
        np.testing.assert_array_equal(workload.answers[place], expected)


def test_the_real_server_answers_all_of_it_as_expected(artifact: Artifact, server: ServerProcess) -> None:
    """Good requests get the golden answers, bad ones the statuses that they deserve."""
    workload = Workload.of(artifact)
    request_log = RequestLog()
    requests = [*workload.mixed(copies=1), *bad_requests(workload)]
    port = urlsplit(server.url).port
    assert port is not None

    async def scenario() -> None:
        client = Client(port, workload, request_log)
        for request in requests:
            if connection := await client.request(request):
                connection.close()

    asyncio.run(scenario())
    assert request_log.tally().answered == len(requests), request_log.faults(most=20)
