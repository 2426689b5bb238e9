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
    """The supervisor's end of a socket pair, and the heart at the other."""
    supervisor, worker = socket.socketpair()
    with supervisor, worker:
        yield supervisor, HeartbeatSender(worker.fileno())


def record(level: int, message: str) -> logging.LogRecord:
    """An entry of a log."""
    return logging.LogRecord("app", level, "", 0, message, None, None)


def test_a_beat_comes_as_it_was_sent() -> None:
    """Words of any kind stay on their line."""
    beat = Heartbeat(ready=False, alive=False, words="two\nlines, ü")
    line = beat.line()
    assert line.count(b"\n") == 1
    assert Heartbeat.of_line(line) == beat


@pytest.mark.parametrize("line", [b"", b"{}\n", b"[1]\n", b'{"ready": true}\n', b'{"ready": true, "al'])
def test_what_is_no_beat_is_refused(line: bytes) -> None:
    """A part of a line, and what another program writes."""
    with pytest.raises(ValueError, match="not a heartbeat"):
        Heartbeat.of_line(line)


def test_a_heart_beats_until_the_supervisor_is_gone(ends: tuple[socket.socket, HeartbeatSender]) -> None:
    """Each beat is how the worker is then; the end of the socket is told once, and ends it."""
    supervisor, heart = ends
    beats = [WELL, Heartbeat(ready=False, alive=False, words="the engine hangs")]
    losses: list[str] = []

    async def live() -> list[Heartbeat]:
        states = iter(beats)
        beating = asyncio.create_task(heart.run(lambda: next(states), on_loss=lambda: losses.append("lost")))
        reader, writer = await asyncio.open_connection(sock=supervisor)
        heard = [Heartbeat.of_line(await reader.readline()) for _ in beats]
        assert losses == []
        writer.close()
        await beating
        return heard

    assert asyncio.run(asyncio.wait_for(live(), 60)) == beats
    assert losses == ["lost"]


def test_a_supervisor_that_does_not_read_holds_up_nobody(ends: tuple[socket.socket, HeartbeatSender]) -> None:
    """When the socket is full, beats are left out rather than waited for."""
    supervisor, heart = ends
    told = 0
    while heart.say("x" * 1000):
        told += 1
    with supervisor.makefile("rb") as lines:
        assert [Heartbeat.of_line(lines.readline()).words for _ in range(told)] == ["x" * 1000] * told


def test_why_it_could_not_start_is_told_by_the_supervisor_alone(
    ends: tuple[socket.socket, HeartbeatSender],
) -> None:
    """It says it once for all workers, so the worker's own log leaves it out."""
    supervisor, heart = ends
    assert heart.hands_on(record(logging.ERROR, "the worker's own"))
    assert not heart.hands_on(record(logging.CRITICAL, "model.keras: damaged"))
    assert Heartbeat.of_line(supervisor.recv(1000)) == Heartbeat(
        ready=False, alive=True, words="model.keras: damaged"
    )


def test_what_is_critical_later_stays_in_the_log(ends: tuple[socket.socket, HeartbeatSender]) -> None:
    """Once a worker was ready it speaks for itself."""
    supervisor, heart = ends

    async def live() -> None:
        beating = asyncio.create_task(heart.run(lambda: WELL, on_loss=lambda: None))
        reader, writer = await asyncio.open_connection(sock=supervisor)
        await reader.readline()
        assert heart.hands_on(record(logging.CRITICAL, "of this worker alone"))
        writer.close()
        await beating

    asyncio.run(asyncio.wait_for(live(), 60))


def test_why_it_could_not_start_is_not_lost_without_a_supervisor(
    ends: tuple[socket.socket, HeartbeatSender],
) -> None:
    """Nobody tells it then but the worker."""
    supervisor, heart = ends
    supervisor.close()
    assert heart.hands_on(record(logging.CRITICAL, "model.keras: damaged"))


def test_words_too_long_for_a_line_are_cut(ends: tuple[socket.socket, HeartbeatSender]) -> None:
    """A long reason is told as far as it goes."""
    supervisor, heart = ends
    assert heart.say("y" * 100_000)
    words = Heartbeat.of_line(supervisor.recv(65536)).words
    assert len(words) > 1000
    assert set(words) == {"y"}
