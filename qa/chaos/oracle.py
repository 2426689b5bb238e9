"""The oracle: determines the outcome of a request from its response and the expected one."""

from __future__ import annotations

import io
import json
import re
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from qa.chaos.workload import NPY, Array, Request, Workload
from qa.harness.messages import Response

PROBLEM = "application/problem+json"
REFUSALS = frozenset({429, 503, 504})
_VERSION = re.compile(rb'\{"model":"[^"]*","version":(\d+),')


class Outcome(StrEnum):
    """Outcome of a request.

    `FAILED`: an error other than a refusal, or a broken or partial response. `LOST`: no byte of a response.
    """

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    LOST = "lost"
    WRONG = "wrong"


class Verdict(NamedTuple):
    """An outcome and, unless it is `ANSWERED`, the reason."""

    outcome: Outcome
    detail: str = ""


def check_response(workload: Workload, request: Request, request_id: str, answer: Response) -> Verdict:
    """Check a complete response.

    Args:
        workload: the workload that the request is from.
        request: the request.
        request_id: the id that was sent with it.
        answer: the response.
    """
    returned = answer.headers.get("x-request-id")
    if returned is None:
        return Verdict(Outcome.FAILED, f"{answer.status} without a request id")
    if returned != request_id:
        return Verdict(Outcome.WRONG, f"{answer.status} for request {returned}, not {request_id}")
    if answer.status == request.status == 200:
        return _check_prediction(workload, request, answer)
    problem = _problem(answer)
    if problem is None:
        return Verdict(Outcome.FAILED, f"{answer.status} without a problem document: {answer.body[:80]!r}")
    if problem.get("request_id") != request_id:
        return Verdict(Outcome.WRONG, f"{answer.status} with the document of {problem.get('request_id')}")
    if answer.status == request.status:
        return Verdict(Outcome.ANSWERED)
    detail = f"{answer.status}: {problem.get('detail')}"
    return Verdict(Outcome.REFUSED if answer.status in REFUSALS else Outcome.FAILED, detail)


def named_version(answer: Response) -> int | None:
    """The model version at the start of a JSON response; None without one."""
    found = _VERSION.match(answer.body)
    return int(found[1]) if found else None


def _check_prediction(workload: Workload, request: Request, answer: Response) -> Verdict:
    try:
        found = _probabilities(workload, answer)
    except (ValueError, KeyError, TypeError) as error:
        return Verdict(Outcome.FAILED, f"200 with an unreadable body: {type(error).__name__}: {error}")
    if found.shape != request.expected.shape:
        return Verdict(Outcome.WRONG, f"{found.shape} probabilities, not {request.expected.shape}")
    largest = float(np.abs(found - request.expected).max())
    if not largest <= workload.tolerance:  # written so that NaN counts as wrong
        return Verdict(Outcome.WRONG, f"a probability is off by {largest:g}")
    return Verdict(Outcome.ANSWERED)


def _probabilities(workload: Workload, answer: Response) -> Array:
    if answer.headers.get("content-type") == NPY:
        array = np.load(io.BytesIO(answer.body), allow_pickle=False)
        return np.asarray(array, dtype=np.float32)
    rows = [item["probabilities"] for item in json.loads(answer.body)["predictions"]]
    return np.array([[row[label] for label in workload.labels] for row in rows], dtype=np.float32)


def _problem(answer: Response) -> dict[str, Any] | None:
    """The problem document of a response; None without one, or if its status differs."""
    if answer.headers.get("content-type") != PROBLEM:
        return None
    try:
        document = json.loads(answer.body)
    except ValueError:
        return None
    is_one = isinstance(document, dict) and document.get("status") == answer.status
    return document if is_one else None
