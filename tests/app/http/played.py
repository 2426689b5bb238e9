"""The app under the server's protocol in this process, its connections played by the test.

What a socket would hand over the test hands over, so it knows what the server has seen and what it has not.
"""

from __future__ import annotations

import asyncio
import gc
import io
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.api.dialects import Dialect
from app.api.payloads import NPY
from app.contract import Artifact
from app.http import connection as http
from app.inference.engines import Engine
from app.inference.service import Service
from app.main import create_app
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.telemetry.tracing.traces import Traces
from qa.harness.messages import Response, as_json, as_npy, get, post, read_answers
from tests.app.conftest import MAX_BODY, MAX_ROWS, REQUEST_TIMEOUT, series
from tests.app.inference.batching.stepping import Seen
from tests.support.fakes import FakeEngine, by_first_value

A_REQUEST = post(as_json(series(1.0)))


class Connection(asyncio.Transport):
    """The server's end of a connection that a test holds the other end of.

    Attributes:
        written: what the server wrote.
        closed: whether either end has closed it.
        shut_down: whether the server has said that it writes no more, and reads on for a moment.
        reading: whether the server reads what comes.
        unread: how many bytes of its answers the server still holds, because the test has not read them.
        closing: whether the server has closed it, once those are read.
        protocol: what the server has on it.
    """

    def __init__(self, protocol: http.Connection) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.shut_down = self.closing = False
        self.reading = True
        self.unread = 0
        self.protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._read = 0
        protocol.connection_made(self)

    def send(self, *parts: bytes) -> None:
        """Have the server receive bytes, each part by itself, all in this turn of the loop."""
        for part in parts:
            self.protocol.data_received(part)

    async def answers(self, count: int) -> list[Response]:
        """The next answers, once as many are there; there are no more."""
        await until(lambda: len(read_answers(self.written[self._read :])) >= count)
        answers = read_answers(self.written[self._read :])
        assert len(answers) == count
        self._read = len(self.written)
        return answers

    async def ask(self, *parts: bytes) -> Response:
        """Send a request, and give its answer."""
        self.send(*parts)
        [answer] = await self.answers(1)
        return answer

    @property
    def is_over(self) -> bool:
        """Whether the server has ended it."""
        return self.closed or self.shut_down

    async def settle(self) -> None:
        """Let the server do what it can do without the engine."""
        for _ in range(20):
            await asyncio.sleep(0)

    def shut_down_sending(self) -> None:
        """The client sends nothing more, and still reads; the server may keep its own side open."""
        if not self.protocol.eof_received():
            self.close()

    def disconnect(self) -> None:
        """The client is gone, and the server hears of it."""
        if not self.closed:
            self.closed = True
            self.protocol.connection_lost(ConnectionResetError())

    # What the protocol calls.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep what is written; nothing is after the end."""
        assert not self.closed, f"written after the end: {bytes(data)!r}"
        assert not self.shut_down, f"written after the end: {bytes(data)!r}"
        self.written += data

    def write_eof(self) -> None:
        """Write nothing more."""
        self.shut_down = True

    def close(self) -> None:
        """End the connection when all is read; the protocol hears of it in the next turn of the loop."""
        self.closing = True
        if not self.unread:
            self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self.closing = True
        if not self.closed:
            self.closed = True
            self._loop.call_soon(self.protocol.connection_lost, None)

    def get_write_buffer_size(self) -> int:
        """How much the other end has not read."""
        return self.unread

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closing or self.closed

    def pause_reading(self) -> None:
        """The server wants no more for now; a test sends it no more than it can take."""
        self.reading = False

    def resume_reading(self) -> None:
        """The server takes more."""
        self.reading = True


class Played:
    """A running app, its service and its engine.

    Attributes:
        went_on: method and path of each request that the framework got.
        seen: what the service's batcher was told of.
    """

    def __init__(self, app: FastAPI, service: Service, engine: FakeEngine, seen: Seen) -> None:
        self.app, self.service, self.engine, self.seen = app, service, engine, seen
        self.state = app.state  # where the protocol looks for what `app.main` puts there
        self.went_on: list[tuple[str, str]] = []
        self._connections: list[Connection] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the framework, and note it."""
        self.went_on.append((scope["method"], scope["path"]))
        await self.app(scope, receive, send)

    def connect(self) -> Connection:
        """A new connection."""
        config = Config(self, lifespan="off", log_config=None, access_log=False, proxy_headers=False)
        config.load()
        protocol = http.Connection(config, ServerState(), {}, asyncio.get_running_loop())
        self._connections.append(Connection(protocol))
        return self._connections[-1]

    def forget(self, connection: Connection) -> None:
        """Keep nothing of a connection that has ended."""
        self._connections.remove(connection)
        del connection.protocol

    async def count(self, status: int, *, route: str = "/predict") -> int:
        """How many answers of a status were counted."""
        text = (await self.connect().ask(get("/metrics"))).body.decode()
        prefix = f'timeseries_http_requests_total{{protocol="native",route="{route}",status="{status}"}} '
        return sum(int(float(line.removeprefix(prefix))) for line in text.splitlines() if prefix in line)

    async def queued(self, rows: int) -> None:
        """Wait until so many series are in the queue."""
        await until(lambda: self.service._batcher.queued_rows == rows)

    async def held(self) -> Connection:
        """A connection whose request is held in the engine, so that all others wait."""
        self.engine.hold()
        connection = self.connect()
        connection.send(A_REQUEST)
        await until(lambda: self.engine.entered.is_set() or bool(connection.written))
        assert not connection.written, f"answered instead of held: {connection.written!r}"
        return connection

    def disconnect(self) -> None:
        """End all connections."""
        for connection in self._connections:
            connection.disconnect()


def asking(*first_values: float) -> bytes:
    """A request whose answer tells whose it is."""
    return post(as_npy(series(*first_values)), [("Content-Type", NPY), ("Accept", NPY)])


def is_for(answer: Response, *first_values: float) -> bool:
    """Whether an answer is the right one of these series."""
    assert answer.status == 200, answer
    array: NDArray[np.float32] = np.load(io.BytesIO(answer.body))
    return bool(np.array_equal(array, by_first_value(series(*first_values))))


@asynccontextmanager
async def serving(
    artifact: Artifact,
    engine: FakeEngine,
    *,
    load: Callable[[], Engine] | None = None,
    observer: Seen | None = None,
    traces: Traces | None = None,
    dialects: Sequence[Dialect] = (),
    **settings: Any,
) -> AsyncIterator[Played]:
    """An app whose queue holds `MAX_ROWS` series, ready unless the test brings what loads its engine.

    Whatever it leaves behind that the loop complains of fails the test.
    """
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(str(context)))
    seen, metrics = observer or Seen(), Metrics()
    service = Service(
        artifact,
        load or (lambda: engine),
        max_batch_rows=MAX_ROWS,
        max_queue_rows=MAX_ROWS,
        max_queue_seconds=settings.get("max_queue_seconds", math.inf),
        background_rows=settings.get("background_queue_rows", 16384),
        max_variants=settings.get("explain_max_variants", 4096),
        observer=seen,
        predictions=metrics.predictions,
    )
    limits = {
        "max_batch_rows": MAX_ROWS,
        "max_queue_rows": MAX_ROWS,
        "max_body_bytes": MAX_BODY,
        "request_timeout": REQUEST_TIMEOUT,
    }
    app = create_app(Settings(**{**limits, **settings}), service, traces, metrics, dialects)
    async with app.router.lifespan_context(app):
        if load is None:
            await until(lambda: service.status().ready)
        played = Played(app, service, engine, seen)
        try:
            yield played
        finally:
            played.disconnect()
            engine.release()
    gc.collect(1)  # exceptions that nobody looked at are reported by their collection
    assert complaints == []


def play(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario on a thread of its own: on the main thread an app takes the process's signals over."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, scenario).result()


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks and threads go on until something is so."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)
