"""A folder of versions and the server that follows it: which version serves when."""

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
    """A time in which a version may serve.

    Attributes:
        version: number of the version.
        since: moment before it was added, in seconds on the monotonic clock.
        until: moment after every worker had unloaded it, likewise.
    """

    version: int
    since: float
    until: float = math.inf


class VersionFolder:
    """A folder to which versions are added.

    Args:
        folder: the folder; the first version is added at once.
        artifact: all versions are copies of it.

    Attributes:
        folder: the folder.
        spans: the spans of the versions, in order.
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
        """Swap the served version, and wait until every worker serves only the new one.

        Args:
            server: the server of this folder, which polls it.
            workers: number of its workers.
            how: `poll`, a new version that the server finds; `SIGHUP`, a new version and a signal; `pin`, the
                version before, by the pin file.

        Raises:
            NotServing: the server does not swap in time.
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
            server.wait_until, lambda: _serves_only(server, version, workers), f"serving {version} alone"
        )
        before.until = time.monotonic()
        self.spans.append(Span(version, since))
        self._delete_old()

    async def add_broken(self, breaking: Breaking) -> int:
        """Add a broken version, the highest; return its number."""
        version = next(self._numbers)
        await asyncio.to_thread(add_version, self.folder, version, self._artifact, breaking=breaking)
        return version

    def _delete_old(self) -> None:
        """Delete versions that no pin will go back to."""
        served = sorted({span.version for span in self.spans})
        for version in served[:-2]:
            shutil.rmtree(self.folder / str(version), ignore_errors=True)


def _serves_only(server: ServerProcess, version: int, workers: int) -> bool:
    text = server.get("/metrics").body.decode()
    loaded = {int(number): int(times) for number, times in _LOADED.findall(text) if int(times)}
    return loaded == {version: workers}


def is_refused(server: ServerProcess, version: int, workers: int) -> bool:
    """Whether every worker has refused a version, and `/model` lists it with a reason."""
    if server.metric(refusals(version)) < workers:
        return False
    return bool(json.loads(server.get("/model").body)["refused"].get(str(version)))


def refusals(version: int) -> str:
    """The metric that counts refusals of a version."""
    return f'timeseries_refused_versions_total{{version="{version}"}}'


def holds(pids: list[int]) -> proc.Held:
    """Descriptors, threads and memory of several processes together.

    Raises:
        NotServing: a process has ended.
    """
    try:
        descriptors, threads, resident = zip(*(proc.held(pid) for pid in pids), strict=True)
    except OSError as error:
        raise NotServing(f"a process of the server ended: {error}") from error
    return proc.Held(sum(descriptors), sum(threads), sum(resident))
