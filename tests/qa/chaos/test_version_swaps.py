"""Swapped versions: what the fault must see, and the versions that it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.contract import Artifact, open_artifact
from app.errors import ArtifactError
from app.inference.engines.base import verify
from app.inference.engines.openvino import OpenVINOEngine
from qa.chaos.faults.swaps import Span
from qa.chaos.faults.version_swaps import only_serving_versions
from qa.chaos.oracle import Outcome, Verdict
from qa.chaos.request_log import RequestLog
from qa.chaos.versions import add_version, wrong_digest, wrong_golden

SPANS = [Span(1, since=0.0, until=10.0), Span(2, since=9.0, until=20.0), Span(1, since=19.0)]


def held(*answers: tuple[int | None, float, float]) -> bool:
    """Whether answers of these versions, sent and ended at these times, are as they must be."""
    request_log = RequestLog()
    for version, sent, ended in answers:
        entry = request_log.add("JSON, 1", port=1)
        request_log.finish(entry, Verdict(Outcome.ANSWERED))
        entry.version, entry.sent, entry.ended = version, sent, ended
    return only_serving_versions(request_log, SPANS).held


RIGHT = ((1, 9.9, 11.0), (2, 8.0, 9.1), (1, 30.0, 31.0))


def test_a_response_may_name_any_version_that_served_during_the_request() -> None:
    """Also the version before, if it was asked in time, and one that has come back."""
    assert held(*RIGHT)


@pytest.mark.parametrize(
    "stray",
    [(2, 1.0, 8.9), (1, 11.0, 12.0), (2, 20.1, 21.0), (3, 5.0, 6.0), (None, 5.0, 6.0)],
    ids=["too early", "given up", "given up for one before", "never served", "none named"],
)
def test_an_answer_that_names_another_version_is_seen(stray: tuple[int | None, float, float]) -> None:
    """Whatever the probabilities are."""
    assert not held(*RIGHT, stray)


def test_a_version_that_never_answered_is_seen() -> None:
    """It was said to serve: somebody must have been answered by it."""
    assert not held((1, 5.0, 6.0))


def test_broken_versions_are_broken_in_the_way_that_they_say(tmp_path: Path, artifact: Artifact) -> None:
    """One is not the file that was sealed; the other is, and does not keep its word."""
    add_version(tmp_path, 1, artifact)
    assert open_artifact(tmp_path / "1").contract.version == 1
    add_version(tmp_path, 2, artifact, breaking=wrong_digest)
    with pytest.raises(ArtifactError, match="damaged"):
        open_artifact(tmp_path / "2")
    add_version(tmp_path, 3, artifact, breaking=wrong_golden)
    third = open_artifact(tmp_path / "3")
    # By the graph of the whole one, for the broken one has none, and this process may not be able to make it.
    engine = OpenVINOEngine(artifact, max_rows=1)
    with pytest.raises(ArtifactError, match="golden answers"):
        verify(engine, third.golden, tolerance=third.contract.output.tolerance)
