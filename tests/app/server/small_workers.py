"""A supervisor with small worker processes, as a program: `python -m tests.app.server.small_workers`.

Each worker reads lines on the shared port: `who` gets a line of JSON, other commands make the worker fail. It
imports little: a test starts up to six of these processes.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.server.heartbeat import FAILED, Heartbeat, HeartbeatSender
from app.server.supervisor import Supervisor

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Options:
    """Options of a supervisor and its workers.

    Attributes:
        start: how workers start: `well`, `refused` (a bad artifact), `dying` or `endless`.
        restart: how replacements start.
        late: seconds before a worker handles any signal.
        deaf: whether a worker ignores stop signals.
        linger: seconds that a worker runs on, without listening, after a stop signal.
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


def _supervise(options: Options) -> int:
    logging.basicConfig(level="INFO", format="%(message)s")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    mine = [sys.executable, "-m", "tests.app.server.small_workers", json.dumps(asdict(options))]
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
    sender = HeartbeatSender(descriptor)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    signals: list[str] = []
    state: dict[str, Any] = {"ready": False, "alive": True}

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
                time.sleep(TIMEOUT_SECONDS)  # noqa: ASYNC251 - blocks the event loop on purpose
            elif command == "stall":
                state.update(alive=False, message="the engine hangs")
            elif command == "break off":
                os.write(descriptor, b'{"rea')
                os._exit(3)
        writer.close()

    for caught in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(caught, handle, caught)
    server = await asyncio.start_server(answer, sock=socket.socket(fileno=listener))
    heartbeat = asyncio.create_task(sender.run(lambda: Heartbeat(**state), on_loss=ended.set))
    state["ready"] = (options.restart if is_replacement else options.start) == "well"
    await ended.wait()
    server.close()
    await asyncio.sleep(options.linger)
    heartbeat.cancel()
    return 0


def main(options: Options, place: list[int]) -> int:
    """Run as the supervisor, or as a worker."""
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
        HeartbeatSender(descriptor).send_message("model.keras: damaged")
        return FAILED
    return asyncio.run(_work(options, *place))


if __name__ == "__main__":
    sys.exit(main(Options(**json.loads(sys.argv[1])), [int(one) for one in sys.argv[2:]]))
