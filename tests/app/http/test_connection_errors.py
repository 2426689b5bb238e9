"""`app.http.connection_errors`: error responses without a valid request."""

from __future__ import annotations

import pytest

from app.api.problem_kinds import CONNECTION
from app.api.recorder import new_request_id
from app.client.schemas import Problem
from app.http.connection_errors import error_response
from qa.harness.messages import read_answers


@pytest.mark.parametrize("status", CONNECTION)
def test_each_response_is_a_problem_document_with_its_own_id(status: int) -> None:
    """With a correct length and the server's headers."""
    given = [new_request_id() for _ in range(2)]
    headers = [(b"date", b"today")]
    written = [error_response(status, "why", request_id=own, headers=headers) for own in given]
    answers = [answer for each in written for answer in read_answers(each)]
    assert [answer.status for answer in answers] == [status] * 2
    problems = [Problem.model_validate_json(answer.body) for answer in answers]
    assert all(problem.detail.endswith(": why") for problem in problems)
    assert all(answer.headers["date"] == "today" for answer in answers)
    assert [answer.headers["x-request-id"] for answer in answers] == given
    assert [problem.request_id for problem in problems] == given


def test_a_reason_is_escaped() -> None:
    """The parser's text becomes a JSON string."""
    reason = 'a "quote"\r\nX: y\x00'
    [answer] = read_answers(error_response(400, reason, request_id=new_request_id()))
    assert Problem.model_validate_json(answer.body).detail.endswith(reason)


def test_only_503_has_a_retry_after() -> None:
    """Retrying helps only if the server is full."""
    written = [error_response(status, request_id=new_request_id()) for status in CONNECTION]
    answers = [answer for each in written for answer in read_answers(each)]
    again = {answer.status: answer.headers["retry-after"] for answer in answers}
    assert again == {400: None, 414: None, 431: None, 501: None, 505: None, 503: "1"}
