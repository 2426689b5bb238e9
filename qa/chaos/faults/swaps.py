"""A folder of versions and a server that follows it: which is to serve when, and what the server says."""

from __future__ import annotations

import asyncio
import json
import math
import re
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from app.contract import Artifact, pin
from qa.chaos import proc
from qa.chaos.connection import BrokenAnswer, NoAnswer
from qa.chaos.errors import NotServing
from qa.chaos.processes import PATIENCE_SECONDS, Process
from qa.chaos.versions import Breaking, add_version

_POLL_SECONDS = 0.05
_LOADED = re.compile(r'^timeseries_model_info\{.*version="(\d+)".*\} (\d+)', re.MULTILINE)


@dataclass(slots=True)
class Span:
    """A time in which a version may answer.

    Attributes:
        version: its number.
        since: seconds on the monotonic clock, before it was there to be found.
        until: the same, once every worker was seen to have given it up.
    """

    version: int
    since: float
    until: float = math.inf


class Shelf:
    """Versions that appear in a folder, and how the server's workers take them.

    Args:
        folder: of the versions; the first appears at once.
        artifact: that all are copies of.

    Attributes:
        folder: as given.
        spans: of the versions that were to serve, in their order.
    """

    def __init__(self, folder: Path, artifact: Artifact) -> None:
        self.folder = folder
        self._artifact = artifact
        self._numbers = count(1)
        first = next(self._numbers)
        folder.mkdir()
        add_version(folder, first, artifact)
        self.spans = [Span(first, time.monotonic())]

    async def swap(self, server: Process, workers: int, *, how: str) -> None:
        """Have another version serve, and wait until every worker has it alone.

        Args:
            server: that serves this folder, and looks at it from time to time.
            workers: how many it has.
            how: `look`, a new version that the server comes upon; `SIGHUP`, one that it is told of; `pin`,
                the version before, by the pin file.

        Raises:
            NotServing: it does not.
        """
        before, since = self.spans[-1], time.monotonic()
        if how == "pin":
            version = max({span.version for span in self.spans} - {before.version})
            pin(self.folder, version)
        else:
            version = next(self._numbers)
            await asyncio.to_thread(add_version, self.folder, version, self._artifact)
            pin(self.folder, None)
        if how == "SIGHUP":
            server.send(signal.SIGHUP)
        await until(server, f"version {version} alone serves", lambda: _has_alone(server, version, workers))
        before.until = time.monotonic()
        self.spans.append(Span(version, since))
        self._clear_away()

    async def add_broken(self, breaking: Breaking) -> int:
        """Have a broken version appear, which is the highest; its number."""
        version = next(self._numbers)
        await asyncio.to_thread(add_version, self.folder, version, self._artifact, breaking=breaking)
        return version

    def _clear_away(self) -> None:
        """Delete whole versions that a pin will not go back to."""
        served = sorted({span.version for span in self.spans})
        for version in served[:-2]:
            shutil.rmtree(self.folder / str(version), ignore_errors=True)


async def until(server: Process, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so of a server.

    Raises:
        NotServing: it does not become so.
    """

    async def is_so() -> bool:
        try:
            return await condition()
        except (NoAnswer, BrokenAnswer):
            return False  # it is asked again; the load tells whether others got no answer

    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await is_so():
        if time.monotonic() > deadline:
            raise NotServing(f"it did not come about that {what}: {server.last_words()}")
        await asyncio.sleep(_POLL_SECONDS)


async def _has_alone(server: Process, version: int, workers: int) -> bool:
    text = (await server.get("/metrics")).body.decode()
    loaded = {int(number): int(times) for number, times in _LOADED.findall(text) if int(times)}
    return loaded == {version: workers}


async def is_refused(server: Process, version: int, workers: int) -> bool:
    """Whether every worker has refused a version, and `/model` says so with a reason."""
    if await server.metric(refusals(version)) < workers:
        return False
    return bool(json.loads((await server.get("/model")).body)["refused"].get(str(version)))


def refusals(version: int) -> str:
    """The metric that counts them."""
    return f'timeseries_version_refusals_total{{version="{version}"}}'


def holds(pids: list[int]) -> proc.Held:
    """What processes hold together.

    Raises:
        NotServing: one of them has ended.
    """
    try:
        descriptors, threads, resident = zip(*(proc.held(pid) for pid in pids), strict=True)
    except OSError as error:
        raise NotServing(f"a process of the server ended: {error}") from error
    return proc.Held(sum(descriptors), sum(threads), sum(resident))
