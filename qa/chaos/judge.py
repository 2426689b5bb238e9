"""The one outcome of a request, from its answer and from what is known of the right one."""

from __future__ import annotations

import io
import json
import re
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from qa.chaos.questions import NPY, Array, Book, Question
from qa.harness.messages import Response

PROBLEM = "application/problem+json"
REFUSALS = frozenset({429, 503, 504})
_VERSION = re.compile(rb'\{"model":"[^"]*","version":(\d+),')


class Outcome(StrEnum):
    """What became of a request.

    `FAILED`: an error that is no refusal, or a broken or half answer. `LOST`: not a byte of an answer.
    """

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    LOST = "lost"
    WRONG = "wrong"


class Verdict(NamedTuple):
    """An outcome, and in words what was wrong; empty if it was answered."""

    outcome: Outcome
    detail: str = ""


def judge(book: Book, question: Question, request_id: str, answer: Response) -> Verdict:
    """Judge a whole answer.

    Args:
        book: that the question is from.
        question: that was asked.
        request_id: that was sent with it.
        answer: what came back.
    """
    returned = answer.headers.get("x-request-id")
    if returned is None:
        return Verdict(Outcome.FAILED, f"{answer.status} that does not say for which request")
    if returned != request_id:
        return Verdict(Outcome.WRONG, f"{answer.status} for request {returned}, not {request_id}")
    if answer.status == question.status == 200:
        return _judge_prediction(book, question, answer)
    problem = _problem(answer)
    if problem is None:
        return Verdict(Outcome.FAILED, f"{answer.status} without a problem document: {answer.body[:80]!r}")
    if problem.get("request_id") != request_id:
        return Verdict(Outcome.WRONG, f"{answer.status} with the document of {problem.get('request_id')}")
    if answer.status == question.status:
        return Verdict(Outcome.ANSWERED)
    detail = f"{answer.status}: {problem.get('detail')}"
    return Verdict(Outcome.REFUSED if answer.status in REFUSALS else Outcome.FAILED, detail)


def named_version(answer: Response) -> int | None:
    """The version of the model that a JSON answer names, before anything else; None if it names none."""
    found = _VERSION.match(answer.body)
    return int(found[1]) if found else None


def _judge_prediction(book: Book, question: Question, answer: Response) -> Verdict:
    try:
        found = _probabilities(book, answer)
    except (ValueError, KeyError, TypeError) as error:
        return Verdict(Outcome.FAILED, f"200 with something unreadable: {type(error).__name__}: {error}")
    if found.shape != question.expected.shape:
        return Verdict(Outcome.WRONG, f"{found.shape} probabilities, not {question.expected.shape}")
    largest = float(np.abs(found - question.expected).max())
    if not largest <= book.tolerance:  # so put, it is also seen that something is not a number
        return Verdict(Outcome.WRONG, f"a probability is off by {largest:g}")
    return Verdict(Outcome.ANSWERED)


def _probabilities(book: Book, answer: Response) -> Array:
    if answer.headers.get("content-type") == NPY:
        array = np.load(io.BytesIO(answer.body), allow_pickle=False)
        return np.asarray(array, dtype=np.float32)
    rows = [item["probabilities"] for item in json.loads(answer.body)["predictions"]]
    return np.array([[row[label] for label in book.labels] for row in rows], dtype=np.float32)


def _problem(answer: Response) -> dict[str, Any] | None:
    """The problem document of an answer; None if it is none, or one of another status."""
    if answer.headers.get("content-type") != PROBLEM:
        return None
    try:
        document = json.loads(answer.body)
    except ValueError:
        return None
    is_one = isinstance(document, dict) and document.get("status") == answer.status
    return document if is_one else None
