"""Judging predictions against the right answer."""

from __future__ import annotations

import dataclasses
from email.message import Message

import numpy as np
import pytest

from qa.chaos.oracle import Outcome, check_response, named_version
from qa.chaos.workload import JSON, NPY, Array, Workload
from qa.harness.messages import Response, as_npy
from tests.qa.chaos.misbehaving import predictions


def outcome(workload: Workload, answer: Array, *, media_type: str = NPY) -> Outcome:
    """What an answer to the first two series is worth."""
    request = dataclasses.replace(workload.json(2), expected=workload.answers[:2])
    body = as_npy(answer) if media_type == NPY else predictions(workload, answer)
    headers = Message()
    headers["X-Request-Id"], headers["Content-Type"] = "me", media_type
    return check_response(workload, request, "me", Response(200, headers, body)).outcome


@pytest.mark.parametrize("media_type", [NPY, JSON])
def test_within_the_tolerance_is_right(workload: Workload, media_type: str) -> None:
    """Up to the contract's tolerance an answer is right, past it it is wrong."""
    right = workload.answers[:2]
    assert outcome(workload, right, media_type=media_type) is Outcome.ANSWERED
    assert outcome(workload, right + np.float32(9e-4), media_type=media_type) is Outcome.ANSWERED
    assert outcome(workload, right + np.float32(1.1e-3), media_type=media_type) is Outcome.WRONG


def test_the_right_answers_in_the_wrong_order_are_wrong(workload: Workload) -> None:
    """Two series of one request whose answers are swapped are seen."""
    assert outcome(workload, workload.answers[1::-1]) is Outcome.WRONG


def test_what_is_not_a_number_is_wrong(workload: Workload) -> None:
    """NaN is never within a tolerance."""
    assert outcome(workload, np.full((2, 2), np.nan, np.float32)) is Outcome.WRONG


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (b'{"model":"forda","version":12,"predictions":[]}', 12),
        (b'{"predictions":[],"version":12}', None),
        (b"\x93NUMPY", None),
    ],
)
def test_the_version_is_the_one_that_an_answer_names(body: bytes, version: int | None) -> None:
    """Before its predictions; npy names none."""
    assert named_version(Response(200, Message(), body)) == version
