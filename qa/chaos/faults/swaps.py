"""A folder of versions and a server that follows it: which is to serve when, and what the server says."""

from __future__ import annotations

import asyncio
import json
import math
import re
import shutil
import signal
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from app.contract import Artifact, pin
from qa.chaos.versions import Breaking, add_version
from qa.harness import proc
from qa.harness.process import NotServing
from qa.harness.server import ServerProcess

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

    async def swap(self, server: ServerProcess, workers: int, *, how: str) -> None:
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
            server.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(
            server.wait_until, lambda: _has_alone(server, version, workers), f"serving {version} alone"
        )
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


def _has_alone(server: ServerProcess, version: int, workers: int) -> bool:
    text = server.get("/metrics").body.decode()
    loaded = {int(number): int(times) for number, times in _LOADED.findall(text) if int(times)}
    return loaded == {version: workers}


def is_refused(server: ServerProcess, version: int, workers: int) -> bool:
    """Whether every worker has refused a version, and `/model` says so with a reason."""
    if server.metric(refusals(version)) < workers:
        return False
    return bool(json.loads(server.get("/model").body)["refused"].get(str(version)))


def refusals(version: int) -> str:
    """The metric that counts them."""
    return f'timeseries_refused_versions_total{{version="{version}"}}'


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
