"""`app.client` against a real server, and against answers that a real one gives rarely."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.client import (
    AsyncClient,
    Client,
    ClientError,
    InvalidOptions,
    InvalidSeries,
    RequestRefused,
    Retry,
    ServerUnavailable,
)
from app.client.parts import split
from app.client.series_input import arrays_of
from app.contract import Artifact
from qa.harness.server import ServerProcess, free_port, running_server
from tests.app.client.mocked import LENGTH, MODEL, SERIES, answer, client_of, received, refuse, served_by
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def many(artifact: Artifact) -> np.ndarray:
    """More series than a request takes, each of them one of the golden ones."""
    return np.resize(artifact.golden.series, (1000, artifact.contract.input.length))


def expected(artifact: Artifact, count: int) -> np.ndarray:
    """The golden probabilities of so many series."""
    return np.resize(artifact.golden.probabilities, (count, artifact.contract.classes))


def test_any_number_of_series_get_their_answers_in_order(
    server: ServerProcess, artifact: Artifact, many: np.ndarray
) -> None:
    """Split by the server's limits, on a real connection; iterated, they are what JSON says."""
    steps: list[tuple[int, int | None]] = []
    with Client(server.url) as client:
        predictions = client.predict(many, progress=lambda done, total: steps.append((done, total)))
    tolerance = artifact.contract.output.tolerance
    np.testing.assert_allclose(predictions.probabilities, expected(artifact, 1000), atol=tolerance)
    assert predictions.versions == (artifact.contract.version,)
    assert steps[-1] == (1000, 1000)
    told = httpx.post(f"{server.url}/predict", json={"instances": many[:16].tolist()}).json()["predictions"]
    for ours, theirs in zip(predictions[:16], told, strict=True):
        shown = ours.model_dump()
        assert shown.pop("probabilities") == pytest.approx(theirs.pop("probabilities"), abs=tolerance)
        assert shown.pop("ood_score") == pytest.approx(theirs.pop("ood_score"), abs=tolerance)
        assert shown == theirs


def test_every_input_gets_the_same_answer(server: ServerProcess, many: np.ndarray, tmp_path: Path) -> None:
    """Lists, arrays, a file that is mapped, a file of text, and iterators of arrays or series."""
    np.save(tmp_path / "a.npy", many[:300])
    np.savetxt(tmp_path / "a.csv", np.column_stack([np.ones(300), many[:300]]), delimiter=",")
    inputs = [
        many[:300].tolist(),
        tmp_path / "a.npy",
        str(tmp_path / "a.csv"),
        iter([many[:100], many[100], many[101:300]]),
        (row for row in many[:300]),
    ]
    with Client(server.url) as client:
        right = client.predict(many[:300])
        for each in inputs:
            np.testing.assert_allclose(client.predict(each).probabilities, right.probabilities, atol=1e-6)


def test_batches_come_as_they_are_ready(server: ServerProcess, many: np.ndarray) -> None:
    """An endless iterator is read no further than what is in flight; the consumer may stop."""
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        while True:
            taken += 1
            yield many[:256]

    with Client(server.url) as client:
        batches = client.predict_batches(endless())
        assert [len(next(batches)) for _ in range(3)] == [256] * 3
        batches.close()
        assert taken < 200
        assert len(client.predict(many[0])) == 1


def test_the_asynchronous_client_does_the_same(server: ServerProcess, many: np.ndarray) -> None:
    """Many calls at once, an asynchronous iterator, batches that are left early."""

    async def arrays() -> AsyncIterator[np.ndarray]:
        for start in range(0, len(many), 300):
            yield many[start : start + 300]

    async def run() -> None:
        async with AsyncClient(server.url) as client:
            alone = await asyncio.gather(*(client.predict(row) for row in many[:20]))
            streamed = await client.predict(arrays())
            assert [each[0].label for each in alone] == streamed.labels[:20].tolist()
            assert len(streamed) == len(many)
            async for batch in client.predict_batches(many):
                assert len(batch) == 256
                break

    asyncio.run(run())


def test_one_client_serves_several_event_loops(server: ServerProcess, many: np.ndarray) -> None:
    """A script may call `asyncio.run` more than once."""
    client = AsyncClient(server.url)

    async def run() -> int:
        try:
            return len(await client.predict(many[:2]))
        finally:
            await client.aclose()

    assert [asyncio.run(run()), asyncio.run(run())] == [2, 2]


def test_the_client_works_where_an_event_loop_runs(server: ServerProcess, many: np.ndarray) -> None:
    """As in a notebook."""

    async def cell() -> int:
        with Client(server.url) as client:
            return len(client.predict(many[:300]))

    assert asyncio.run(cell()) == 300


def test_threads_share_a_client(server: ServerProcess, many: np.ndarray) -> None:
    """Each gets its own answers."""
    counts: list[int] = []
    with Client(server.url) as client:
        threads = [
            threading.Thread(target=lambda n=n: counts.append(len(client.predict(many[:n]))))
            for n in (1, 2, 300)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(counts) == [1, 2, 300]


def test_a_client_works_after_a_fork(server: ServerProcess) -> None:
    """In the child, which has no thread of the parent, and in the parent."""
    code = f"""
import os, numpy as np
from app.client import Client
client = Client("{server.url}")
series = np.load("model_artifacts/forda/4/golden.npz")["series"]
client.predict(series)
child = os.fork()
assert len(client.predict(series)) == len(series)
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
client.close()
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_client_imports_neither_keras_nor_the_server() -> None:
    """It starts in a fraction of a second, with the base install."""
    code = (
        "import sys; from app.client import AsyncClient, Client, Predictions; "
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('keras', 'tensorflow', 'openvino', 'fastapi', 'uvicorn', 'scipy') or name.startswith(('app.api', "
        "'app.inference', 'app.contract', 'app.settings'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("series", "dtype"),
    [
        ([[1, 2, 400, 0, 0]], "<f4"),
        ([[-1.5, 0.1, 2.5, 0, 0]], "<f4"),
        ([[True, False, True, True, True]], "<f4"),
        ([[20.5, 21.1, 22.3, 20, 20]], "<f8"),
        ([[2**62, 2**62 + 1, 2**62 + 3, 2**62, 2**62]], "<i8"),
        ([[2**63, 2**63 + 1, 2**63 + 3, 2**63, 2**63]], "<u8"),
    ],
)
def test_series_are_sent_in_a_dtype_that_keeps_their_digits(series: list[list[float]], dtype: str) -> None:
    """float32 where it is enough; integers beyond 2**53 as integers, which a float64 would round."""
    sent: list[np.ndarray] = []

    def note(request: httpx.Request) -> httpx.Response:
        sent.append(received(request))
        return answer(request)

    with Client("http://server", transport=served_by(note)) as client:
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

    with Client("http://server", api_key=key, transport=served_by(note)) as client:
        client.predict(SERIES)
    assert headers == [header]


@pytest.mark.parametrize("key", ["", " ", "two words", "two\nlines", "schlüssel"])
def test_a_key_that_is_none_is_refused_and_not_shown(key: str) -> None:
    """Before it is sent, and not in an error that may end in a log."""
    with pytest.raises(InvalidOptions, match="the API key") as info:
        Client(api_key=key)
    assert not key.strip() or key not in str(info.value)


def test_a_path_and_a_password_of_the_url_are_used_and_only_the_path_is_shown() -> None:
    """A proxy may serve several models, and ask for a password."""
    seen: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404, text="nothing here")

    with (
        Client("http://me:secret@server/forda", transport=httpx.MockTransport(note)) as client,
        pytest.raises(ClientError, match=r"^http://server/forda/model: 404 Not Found$"),
    ):
        client.model()
    assert seen[0].url.path == "/forda/model"
    assert seen[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(("abstain", "query"), [(False, b""), (True, b"abstain=true")])
def test_abstention_is_requested_in_the_query(abstain: bool, query: bytes) -> None:
    """A series whose label set has two labels then has no label."""
    queries: list[bytes] = []

    def note(request: httpx.Request) -> httpx.Response:
        queries.append(request.url.query)
        return answer(request)

    with Client("http://server", transport=served_by(note)) as client:
        unsure = client.predict([[0.4, 0, 0, 0, 0]], abstain=abstain)
    assert queries == [query]
    assert unsure[0].label_set == ["-1", "1"]
    assert unsure[0].label == unsure.labels[0] == (None if abstain else "-1")


def test_a_bad_series_is_refused_before_its_request_is_sent() -> None:
    """What is wrong is named by its place among all series of the call."""
    client, _, _ = client_of(*[answer] * 3)
    series = np.tile(SERIES, (10, 1))
    series[9, 2] = np.nan
    with client, pytest.raises(InvalidSeries, match=r"series 9, value 2 \(counted from 0\): nan is not"):
        client.predict(series)
    with pytest.raises(InvalidSeries, match="series 0: 4 values; the model takes 5"):
        client_of()[0].predict(np.zeros((2, 4)))


def test_an_error_of_one_of_many_requests_names_its_series() -> None:
    """The others' answers come before it; nothing is sent after it."""
    client, _, _ = client_of(answer, refuse(422), *[answer] * 20)
    batches = client.predict_batches(np.zeros((400, LENGTH)))
    assert len(next(batches)) == 4
    with pytest.raises(RequestRefused, match="series 4 to 7: Too many requests: full") as info:
        list(batches)
    assert info.value.problem is not None
    client.close()


def test_a_server_that_is_not_there_is_reported_by_address() -> None:
    """No trace of a library, but the address that was tried."""
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, attempts=1) as client, pytest.raises(ServerUnavailable, match=url):
        client.predict(SERIES)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:99999", "http://[::1", "http://a\nb", "http://host:port", "host:8000", "ftp://a", ""],
)
def test_what_is_no_url_is_one_line(url: str) -> None:
    """Told when the client is made, with the URL so that it can be read."""
    with pytest.raises(InvalidOptions, match="not a URL") as caught:
        Client(url)
    assert str(caught.value).isprintable()


def test_the_length_of_a_series_is_the_models(server: ServerProcess, artifact: Artifact) -> None:
    """What whoever cuts or pads series needs to know."""
    with Client(server.url) as client:
        assert client.series_length() == artifact.contract.input.length
        assert client.model().limits.max_instances == 256


def test_an_interrupt_stops_a_call(server: ServerProcess, many: np.ndarray) -> None:
    """Nothing goes on behind it, and the client can be used again."""

    def interrupted() -> Iterator[np.ndarray]:
        yield many[:256]
        raise KeyboardInterrupt

    with Client(server.url) as client:
        with pytest.raises(KeyboardInterrupt):
            client.predict(interrupted())
        assert len(client.predict(many[0])) == 1


def test_closing_ends_the_requests_of_a_call_that_was_left() -> None:
    """A retry behind it would open a connection that nothing closes."""
    ended = threading.Event()

    class Hanging(httpx.AsyncBaseTransport):
        """A server that answers no prediction."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            """Wait until the request is cancelled."""
            if request.url.path == "/model":
                return httpx.Response(200, json=MODEL)
            try:
                await asyncio.sleep(600)
            finally:
                ended.set()
            raise httpx.ConnectError("refused")

    client = Client("http://server", transport=Hanging())
    call = client._open_call(SERIES, abstain=False, progress=None)
    client._loop.run(call.put(next(split(arrays_of(SERIES), call.parts))))
    client._loop.run(asyncio.sleep(0.01))
    client.close()
    assert ended.is_set()


def test_errors_are_those_of_the_command_line(server: ServerProcess) -> None:
    """All of them are ClientErrors, and one line."""
    with Client(server.url, api_key="abc") as client, pytest.raises(ClientError) as info:
        client.predict([["a"] * 500])
    assert str(info.value).isprintable()
    assert os.linesep not in str(info.value)


def test_connections_that_the_server_ends_cost_nothing(many: np.ndarray) -> None:
    """With a short MAX_CONNECTION_AGE: no request is lost or sent twice."""
    retries: list[Retry] = []
    with running_server(MAX_CONNECTION_AGE="0.02") as server:
        with Client(server.url, on_retry=retries.append) as client:
            for _ in range(5):
                assert len(client.predict(many)) == len(many)
        assert server.metric("timeseries_http_requests_total") >= 21
    assert retries == []


def test_a_worker_that_is_killed_costs_no_prediction(artifact: Artifact, many: np.ndarray) -> None:
    """Its requests are sent again; every series has its own answer, in order."""
    retries: list[Retry] = []
    with running_server(WORKERS="2") as server:

        def kill_then_go_on() -> Iterator[np.ndarray]:
            for turn in range(12):
                if turn == 4:
                    os.kill(server.workers[-1], signal.SIGKILL)
                yield many

        with Client(server.url, on_retry=retries.append) as client:
            result = client.predict(kill_then_go_on())
    tolerance = artifact.contract.output.tolerance
    wanted = np.tile(expected(artifact, len(many)), (12, 1))
    np.testing.assert_allclose(result.probabilities, wanted, atol=tolerance)
