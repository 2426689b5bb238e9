"""A real supervisor over small workers, as processes: `python -m tests.app.server.supervised`.

Each worker answers lines on the shared port: `who` with what it knows of itself, and others by misbehaving.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.server.heartbeat import FAILED, Heartbeat, HeartbeatSender
from app.server.supervisor import Supervisor
from qa.harness.process import wait_until
from qa.harness.server import ServerProcess

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Options:
    """Of a supervisor and its workers.

    Attributes:
        start: how its workers start: `well`, `refused` (by what they should serve), `dying` or `endless`.
        restart: how those start that replace another.
        late: seconds before a worker handles any signal.
        deaf: whether it handles none that asks it to end.
        linger: seconds that it goes on, without listening, after it was asked to end.
        notes: a file to which each worker adds the time of its start.
    """

    workers: int = 2
    worker_timeout: float = 60.0
    drain_seconds: float = 60.0
    first_delay: float = 0.1
    start_seconds: float = 60.0
    start: str = "well"
    restart: str = "well"
    late: float = 0.0
    deaf: bool = False
    linger: float = 0.0
    notes: str = os.devnull


class Supervised(ServerProcess):
    """A running supervisor, seen from outside; its port is of its own choosing."""

    def ready(self, workers: int = 2) -> dict[int, int]:
        """The process of each worker's number, once so many have been ready."""
        return {int(number): int(pid) for number, pid in self.wait_for_log(READY, times=workers)}

    def is_closed(self) -> bool:
        """Whether nobody listens any more."""
        try:
            self.connect().close()
        except ConnectionRefusedError:
            return True
        return False

    def connect(self) -> socket.socket:
        """A connection to whichever worker accepts it."""
        (port,) = self.wait_for_log(r"port (\d+)")[:1]
        return socket.create_connection(("127.0.0.1", int(port)), timeout=PATIENCE_SECONDS)

    def ask(self, *commands: str) -> dict[str, Any]:
        """What a worker knows of itself, on a new connection; then it gets other commands."""
        with self.connect() as connection, connection.makefile("rw") as lines:
            lines.write("\n".join(["who", *commands, ""]))
            lines.flush()
            known: dict[str, Any] = json.loads(lines.readline())
            return known


READY = r"worker (\d+) \(pid (\d+)\) is ready"


@contextmanager
def supervised(folder: Path, **options: Any) -> Iterator[Supervised]:
    """A supervisor with these options, killed with its workers at the end."""
    command = [sys.executable, "-m", "tests.app.server.supervised", json.dumps(asdict(Options(**options)))]
    server = Supervised(command, log=folder / "log")
    try:
        server.start()
        yield server
    finally:
        server.kill()


def gone(pid: int) -> bool:
    """Whether a process ends within a while."""

    def is_gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(is_gone)
    return True


def _supervise(options: Options) -> int:
    logging.basicConfig(level="INFO", format="%(message)s")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    mine = [sys.executable, "-m", "tests.app.server.supervised", json.dumps(asdict(options))]
    return Supervisor(
        lambda *given: [*mine, *(str(int(one)) for one in given)],
        listener,
        workers=options.workers,
        worker_timeout=options.worker_timeout,
        drain_seconds=options.drain_seconds,
        first_delay=options.first_delay,
        start_seconds=options.start_seconds,
        on_replaced=lambda reason: log.info("replaced: %s", reason),
    ).run()


async def _work(options: Options, number: int, listener: int, descriptor: int, is_replacement: int) -> int:
    heart = HeartbeatSender(descriptor)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    signals: list[str] = []
    beat: dict[str, Any] = {"ready": False, "alive": True}

    def handle(number: int) -> None:
        signals.append(signal.Signals(number).name)
        if number != signal.SIGHUP and not options.deaf:
            ended.set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while command := (await reader.readline()).decode().strip():
            if command == "who":
                known = {"number": number, "pid": os.getpid(), "signals": signals, "replaces": is_replacement}
                writer.write(json.dumps(known).encode() + b"\n")
                await writer.drain()
            elif command == "block":
                time.sleep(PATIENCE_SECONDS)  # noqa: ASYNC251 - that is the point
            elif command == "stall":
                beat.update(alive=False, words="the engine hangs")
            elif command == "break off":
                os.write(descriptor, b'{"rea')
                os._exit(3)
        writer.close()

    for caught in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(caught, handle, caught)
    server = await asyncio.start_server(answer, sock=socket.socket(fileno=listener))
    beating = asyncio.create_task(heart.run(lambda: Heartbeat(**beat), on_loss=ended.set))
    beat["ready"] = (options.restart if is_replacement else options.start) == "well"
    await ended.wait()
    server.close()
    await asyncio.sleep(options.linger)
    beating.cancel()
    return 0


def main(options: Options, place: list[int]) -> int:
    """Be a supervisor, or the worker at a place."""
    if not place:
        return _supervise(options)
    _, _, descriptor, is_replacement = place
    with Path(options.notes).open("a") as notes:
        notes.write(f"{time.monotonic()}\n")
    time.sleep(options.late)
    start = options.restart if is_replacement else options.start
    if start == "dying":
        return 3
    if start == "refused":
        HeartbeatSender(descriptor).say("model.keras: damaged")
        return FAILED
    return asyncio.run(_work(options, *place))


if __name__ == "__main__":
    sys.exit(main(Options(**json.loads(sys.argv[1])), [int(one) for one in sys.argv[2:]]))
