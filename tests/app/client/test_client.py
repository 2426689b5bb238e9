"""`app.client` against a real server, and against answers that a real one gives rarely."""

from __future__ import annotations

import io
from collections.abc import Callable

import httpx
import numpy as np
import pytest

from app.client import Client, ClientError
from app.client.schemas import InputWarning
from app.contract import Artifact
from qa.harness.server import ServerProcess, free_port

PROBLEM = {"type": "/problems/queue-full", "title": "Too many requests", "status": 429, "detail": "full"}
ANSWER = {
    "model": "forda",
    "version": 1,
    "predictions": [
        {
            "label": None,
            "probabilities": {"-1": 0.25, "1": 0.75},
            "label_set": [],
            "ood_score": 1.0,
            "warnings": [{"code": "flat", "message": "seen", "remedy": "do"}],
        }
    ],
}
SERIES = np.zeros((1, 500), np.float32)


def client_of(*answers: Callable[[httpx.Request], httpx.Response]) -> tuple[Client, list[float]]:
    """A client of a server that gives these answers in turn, and the pauses it makes."""
    turns = iter(answers)
    pauses: list[float] = []
    transport = httpx.MockTransport(lambda request: next(turns)(request))
    return Client("http://server", transport=transport, sleep=pauses.append), pauses


def refuse(status: int, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    """An answer that refuses."""
    document = {**PROBLEM, "status": status, "request_id": "abc"}
    return lambda _: httpx.Response(status, json=document, headers=headers)


def answer(_: httpx.Request) -> httpx.Response:
    """A good answer."""
    return httpx.Response(200, json=ANSWER)


def break_off(_: httpx.Request) -> httpx.Response:
    """A connection that breaks."""
    raise httpx.ConnectError("refused")


def test_golden_series_get_their_answers(server: ServerProcess, artifact: Artifact) -> None:
    """The client and the server agree on everything, on a real connection."""
    with Client(server.url) as client:
        predictions = client.predict(artifact.golden.series)
    names = [label.name for label in artifact.contract.labels]
    got = [[prediction.probabilities[name] for name in names] for prediction in predictions]
    np.testing.assert_allclose(got, artifact.golden.probabilities, atol=artifact.contract.output.tolerance)


def test_one_series_may_come_without_a_list_around_it(server: ServerProcess, artifact: Artifact) -> None:
    """A flat array is one series."""
    with Client(server.url) as client:
        assert len(client.predict(artifact.golden.series[0])) == 1


def test_the_servers_words_are_the_errors_words(server: ServerProcess) -> None:
    """A refusal tells what is wrong and carries the problem document."""
    with Client(server.url) as client, pytest.raises(ClientError, match="the model takes 500") as info:
        client.predict(np.zeros((1, 499)))
    assert info.value.problem is not None
    assert info.value.problem.status == 422


@pytest.mark.parametrize(
    ("series", "dtype"),
    [
        ([[1, 2, 400]], "<f4"),
        ([[-1.5, 0.1, 2.5]], "<f4"),
        ([[True, False, True]], "<f4"),
        ([[20.5, 21.1, 22.3]], "<f8"),
        ([[2**62, 2**62 + 1, 2**62 + 3]], "<i8"),
        ([[2**63, 2**63 + 1, 2**63 + 3]], "<u8"),
    ],
)
def test_series_are_sent_in_a_dtype_that_keeps_their_digits(series: list[list[float]], dtype: str) -> None:
    """float32 where it is enough; integers beyond 2**53 as integers, which a float64 would round."""
    sent: list[np.ndarray] = []

    def note(request: httpx.Request) -> httpx.Response:
        sent.append(np.load(io.BytesIO(request.read())))
        return answer(request)

    with Client("http://server", transport=httpx.MockTransport(note)) as client:
        client.predict(series)
    assert sent[0].dtype == dtype
    if dtype != "<f4":
        assert sent[0].tolist() == series


@pytest.mark.parametrize(
    ("key", "header"), [(None, None), ("abc_-1", "Bearer abc_-1"), (" abc\n", "Bearer abc")]
)
def test_a_key_goes_with_every_request(key: str | None, header: str | None) -> None:
    """Without the line's end that a file or a shell leaves behind it; and none where there is none."""
    headers: list[str | None] = []

    def note(request: httpx.Request) -> httpx.Response:
        headers.append(request.headers.get("authorization"))
        return answer(request)

    with Client("http://server", api_key=key, transport=httpx.MockTransport(note)) as client:
        client.predict(SERIES)
    assert headers == [header]


@pytest.mark.parametrize("key", ["", " ", "two words", "two\nlines", "schlüssel"])
def test_a_key_that_is_none_is_refused_and_not_shown(key: str) -> None:
    """Before it is sent, and not in an error that may end in a log."""
    with pytest.raises(ClientError, match="the API key") as info:
        Client(api_key=key)
    assert not key.strip() or key not in str(info.value)


def test_a_refusal_for_want_of_a_key_is_reported_at_once() -> None:
    """The key will not be a better one the second time."""
    client, pauses = client_of(refuse(401, **{"WWW-Authenticate": "Bearer"}))
    with pytest.raises(ClientError) as info:
        client.predict(SERIES)
    assert info.value.problem is not None
    assert (info.value.problem.status, pauses) == (401, [])


def test_what_may_pass_is_tried_again() -> None:
    """A full queue after the time it asks for, a stopping replica and a broken connection soon."""
    client, pauses = client_of(refuse(429, **{"Retry-After": "3"}), break_off, refuse(503), answer)
    assert client.predict(SERIES)[0].probabilities == {"-1": 0.25, "1": 0.75}
    assert pauses[0] == 3
    assert all(0 <= pause <= 1.6 for pause in pauses[1:])


@pytest.mark.parametrize(("abstain", "query"), [(False, b""), (True, b"abstain=true")])
def test_abstention_is_asked_for_in_the_query(abstain: bool, query: bytes) -> None:
    """And what comes back is all there: no label, an empty set, the score and the warnings."""
    queries: list[bytes] = []

    def note(request: httpx.Request) -> httpx.Response:
        queries.append(request.url.query)
        return answer(request)

    client, _ = client_of(note)
    (prediction,) = client.predict(SERIES, abstain=abstain)
    assert queries == [query]
    assert (prediction.label, prediction.label_set, prediction.ood_score) == (None, [], 1.0)
    assert prediction.warnings == [InputWarning(code="flat", message="seen", remedy="do")]


def test_what_an_older_server_does_not_say_is_none() -> None:
    """A client may be newer than the replica that answers it."""
    older = {**ANSWER, "predictions": [{"label": "1", "probabilities": {"-1": 0.25, "1": 0.75}}]}
    client, _ = client_of(lambda _: httpx.Response(200, json=older))
    (prediction,) = client.predict(SERIES)
    assert (prediction.label_set, prediction.ood_score, prediction.warnings) == (None, None, [])


def test_what_will_not_pass_is_not_tried_again() -> None:
    """A bad request stays bad."""
    client, pauses = client_of(refuse(422))
    with pytest.raises(ClientError, match="Too many requests: full"):
        client.predict(SERIES)
    assert pauses == []


def test_attempts_come_to_an_end() -> None:
    """The last refusal is the error."""
    client, pauses = client_of(*[refuse(503)] * 4)
    with pytest.raises(ClientError) as info:
        client.predict(SERIES)
    assert info.value.problem is not None
    assert len(pauses) == 3


def test_a_server_that_is_not_there_is_reported_by_address() -> None:
    """No trace of a library, but the address that was tried."""
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, attempts=1) as client, pytest.raises(ClientError, match=url):
        client.predict(SERIES)


def test_an_answer_that_is_no_problem_document_is_reported_by_its_status() -> None:
    """A balancer in between may speak HTML."""
    client, _ = client_of(
        lambda _: httpx.Response(404, text="<html>", request=httpx.Request("POST", "http://x/"))
    )
    with pytest.raises(ClientError, match="404 Not Found"):
        client.predict(SERIES)


def test_the_length_of_a_series_is_the_models(server: ServerProcess, artifact: Artifact) -> None:
    """What whoever cuts or pads series needs to know."""
    with Client(server.url) as client:
        assert client.series_length() == artifact.contract.input.length


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"contract": {"input": {"length": null}}}'])
def test_a_server_that_does_not_say_the_length_is_reported_so(content: bytes) -> None:
    """Another program may listen there."""
    client, _ = client_of(lambda _: httpx.Response(200, content=content))
    with pytest.raises(
        ClientError, match=r"http://server/model: the response has no contract\.input\.length"
    ):
        client.series_length()


@pytest.mark.parametrize("url", ["http://[::1", "http://a\nb", "http://host:port"])
def test_what_is_no_url_is_one_line(url: str) -> None:
    """Told when the client is made, with the URL so that it can be read."""
    with pytest.raises(ClientError, match="not a URL") as caught:
        Client(url)
    assert str(caught.value).isprintable()
