"""The middleware of Ray Serve's proxies."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from app.client.http.sending import RETRIED
from app.client.schemas import Problem
from deploy.ray.proxy import DETAIL, ReplicaLost, middlewares


def test_no_response_becomes_503_that_may_be_sent_again() -> None:
    """A problem document with Retry-After, of a status with which the client sends a request again."""

    async def lost(_scope: Scope, _receive: Receive, _send: Send) -> None:
        """What a proxy does when its replica has died."""

    response = TestClient(ReplicaLost(lost)).get("/predict", headers={"X-Request-ID": 'a "b"'})
    assert response.status_code == 503
    assert response.status_code in RETRIED
    assert response.headers["Retry-After"] == "1"
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = Problem.model_validate(response.json())
    assert (problem.status, problem.detail) == (503, DETAIL)
    assert problem.request_id == response.headers["X-Request-ID"] == 'a "b"'


def test_a_response_passes_with_each_header_once() -> None:
    """The proxy adds an X-Request-ID that is there already; cookies of one name are several headers."""

    def answer(_: object) -> PlainTextResponse:
        response = PlainTextResponse("5.00", status_code=422)
        for name, value in (("x-request-id", "a"), ("x-request-id", "a"), ("via", "b"), ("via", "c")):
            response.raw_headers.append((name.encode(), value.encode()))
        return response

    app = Starlette(routes=[Route("/", answer)], middleware=middlewares())
    response = TestClient(app).get("/")
    assert (response.status_code, response.text) == (422, "5.00")
    assert response.headers.get_list("x-request-id") == ["a"]
    assert response.headers.get_list("via") == ["b", "c"]
