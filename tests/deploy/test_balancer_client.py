"""The Python client behind the real HAProxy: a replica that is killed half-way costs no prediction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from app.client import Client
from app.contract import Artifact
from tests.deploy.conftest import Fleet


def test_a_killed_replica_loses_nothing_and_keeps_the_order(fleet: Fleet, artifact: Artifact) -> None:
    """All predictions come, in the order of the series, whichever replica computed them."""
    golden = artifact.golden
    count, victim = 80, fleet.replicas["replica-1"]

    def parts() -> Iterator[NDArray[np.float32]]:
        for number in range(count):
            if number == count // 2:
                victim.kill()
            yield np.roll(golden.series, number, axis=0)

    try:
        with Client(fleet.balancer.url) as client:
            found = client.predict(parts())
    finally:
        victim.start()
        victim.wait_until_ready()
    expected = np.concatenate([np.roll(golden.probabilities, number, axis=0) for number in range(count)])
    assert len(found) == len(expected)
    assert found.probabilities == pytest.approx(expected, abs=artifact.contract.output.tolerance)


def test_windows_of_a_recording_lose_nothing_either(fleet: Fleet, artifact: Artifact) -> None:
    """Each window has its prediction at its place."""
    series, victim = artifact.golden.series, fleet.replicas["replica-2"]
    count = 60

    def chunks() -> Iterator[NDArray[np.float32]]:
        for number in range(count):
            if number == count // 2:
                victim.kill()
            yield series.ravel()

    try:
        with Client(fleet.balancer.url) as client:
            found = client.predict_windows(chunks())
    finally:
        victim.start()
        victim.wait_until_ready()
    length = artifact.contract.input.length
    assert found.starts.tolist() == list(range(0, count * series.size, length))
    expected = np.tile(artifact.golden.probabilities, (count, 1))
    assert found.predictions.probabilities == pytest.approx(expected, abs=artifact.contract.output.tolerance)
