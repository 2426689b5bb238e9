"""Uvicorn's own objects, as uvicorn makes them: what `app.http` takes from them is held by its tests."""

from __future__ import annotations

import asyncio
import logging

from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState


async def no_app(_scope: object, _receive: object, _send: object) -> None:
    """An app that answers nothing."""


class Recorded(asyncio.Transport):
    """A connection that keeps what is written to it, and how often each end of it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = self.reading = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.written += data

    def close(self) -> None:
        """Note the end."""
        self.closed = True

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def pause_reading(self) -> None:
        """Note it."""
        self.reading = False

    def resume_reading(self) -> None:
        """Note it."""
        self.reading = True


def protocol_of(loop: asyncio.AbstractEventLoop) -> HttpToolsProtocol:
    """Uvicorn's own protocol, as uvicorn makes it."""
    return HttpToolsProtocol(Config(no_app, lifespan="off", log_config=None), ServerState(), {}, loop)


def cycle_of(transport: Recorded, *, keep_alive: bool = True, waits: bool = False) -> RequestResponseCycle:
    """Uvicorn's own cycle, with the arguments that ours passes on."""
    logger = logging.getLogger("contract")
    return RequestResponseCycle(
        scope={"method": "POST"},  # type: ignore[typeddict-item]
        transport=transport,
        flow=FlowControl(transport),
        logger=logger,
        access_logger=logger,
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=waits,
        keep_alive=keep_alive,
        on_response=lambda: transport.write(b"|"),
    )


def objects() -> dict[str, object]:
    """One of each of uvicorn's classes."""
    loop = asyncio.new_event_loop()
    loop.close()
    return {
        "HttpToolsProtocol": protocol_of(loop),
        "RequestResponseCycle": cycle_of(Recorded()),
        "FlowControl": FlowControl(Recorded()),
        "ServerState": ServerState(),
    }
