"""`app.server.heartbeat`: over real sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator

import pytest

from app.server.heartbeat import Heartbeat, HeartbeatSender

WELL = Heartbeat(ready=True, alive=True)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, HeartbeatSender]]:
    """The supervisor's end of a socket pair, and the sender at the other."""
    supervisor, worker = socket.socketpair()
    with supervisor, worker:
        yield supervisor, HeartbeatSender(worker.fileno())


def record(level: int, message: str) -> logging.LogRecord:
    """An entry of a log."""
    return logging.LogRecord("app", level, "", 0, message, None, None)


def test_a_heartbeat_is_one_line() -> None:
    """A message with line breaks and other characters is parsed as it was sent."""
    heartbeat = Heartbeat(ready=False, alive=False, message="two\nlines, ü")
    line = heartbeat.to_line()
    assert line.count(b"\n") == 1
    assert Heartbeat.from_line(line) == heartbeat


@pytest.mark.parametrize("line", [b"", b"{}\n", b"[1]\n", b'{"ready": true}\n', b'{"ready": true, "al'])
def test_an_invalid_line_is_refused(line: bytes) -> None:
    """A part of a line, or the output of another program."""
    with pytest.raises(ValueError, match="not a heartbeat"):
        Heartbeat.from_line(line)


def test_heartbeats_are_sent_until_the_supervisor_has_ended(
    ends: tuple[socket.socket, HeartbeatSender],
) -> None:
    """Each has the state of its moment; `on_loss` is called once."""
    supervisor, sender = ends
    states_sent = [WELL, Heartbeat(ready=False, alive=False, message="the engine hangs")]
    losses: list[str] = []

    async def live() -> list[Heartbeat]:
        states = iter(states_sent)
        sending = asyncio.create_task(sender.run(lambda: next(states), on_loss=lambda: losses.append("lost")))
        reader, writer = await asyncio.open_connection(sock=supervisor)
        received = [Heartbeat.from_line(await reader.readline()) for _ in states_sent]
        assert losses == []
        writer.close()
        await sending
        return received

    assert asyncio.run(asyncio.wait_for(live(), 60)) == states_sent
    assert losses == ["lost"]


def test_a_supervisor_that_does_not_read_blocks_no_worker(
    ends: tuple[socket.socket, HeartbeatSender],
) -> None:
    """Heartbeats are dropped while the socket is full."""
    supervisor, sender = ends
    sent = 0
    while sender.send_message("x" * 1000):
        sent += 1
    with supervisor.makefile("rb") as lines:
        assert [Heartbeat.from_line(lines.readline()).message for _ in range(sent)] == ["x" * 1000] * sent


def test_a_critical_entry_of_the_start_goes_to_the_supervisor_only(
    ends: tuple[socket.socket, HeartbeatSender],
) -> None:
    """The supervisor logs it once for all workers."""
    supervisor, sender = ends
    assert sender.keep_in_log(record(logging.ERROR, "the worker's own"))
    assert not sender.keep_in_log(record(logging.CRITICAL, "model.keras: damaged"))
    assert Heartbeat.from_line(supervisor.recv(1000)) == Heartbeat(
        ready=False, alive=True, message="model.keras: damaged"
    )


def test_a_later_critical_entry_stays_in_the_log(ends: tuple[socket.socket, HeartbeatSender]) -> None:
    """A worker that was ready logs its own entries."""
    supervisor, sender = ends

    async def live() -> None:
        sending = asyncio.create_task(sender.run(lambda: WELL, on_loss=lambda: None))
        reader, writer = await asyncio.open_connection(sock=supervisor)
        await reader.readline()
        assert sender.keep_in_log(record(logging.CRITICAL, "of this worker alone"))
        writer.close()
        await sending

    asyncio.run(asyncio.wait_for(live(), 60))


def test_a_critical_entry_stays_in_the_log_without_a_supervisor(
    ends: tuple[socket.socket, HeartbeatSender],
) -> None:
    """It could not be sent, so the worker logs it."""
    supervisor, sender = ends
    supervisor.close()
    assert sender.keep_in_log(record(logging.CRITICAL, "model.keras: damaged"))


def test_a_long_message_is_truncated(ends: tuple[socket.socket, HeartbeatSender]) -> None:
    """It would not fit into the socket's buffer."""
    supervisor, sender = ends
    assert sender.send_message("y" * 100_000)
    message = Heartbeat.from_line(supervisor.recv(65536)).message
    assert len(message) > 1000
    assert set(message) == {"y"}
