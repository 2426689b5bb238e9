"""`app.lifespan`: what is done beside serving."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.api.middleware.api_keys import KeyFile, line_of, new_key
from app.lifespan import publish_readiness, watch_keys
from app.telemetry.metrics import Metrics
from tests.app.inference.test_service import until


def test_metrics_are_told_whether_the_worker_is_ready_though_nobody_asks() -> None:
    """Of several workers another may be asked: the gauge follows by itself, and back."""
    metrics = Metrics()
    ready = True
    metrics.watch_readiness(lambda: ready)

    async def reaches(value: float) -> None:
        while metrics._registry.get_sample_value("timeseries_ready_workers") != value:
            await asyncio.sleep(0.01)

    async def scenario() -> None:
        nonlocal ready
        with publish_readiness(metrics):
            for ready in (True, False, True):
                await asyncio.wait_for(reaches(float(ready)), 60)

    asyncio.run(scenario())


class HeldKeys(KeyFile):
    """A key file whose looks wait until the test lets them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.looks = 0
        self.may_look = threading.Event()
        self.failures: list[Exception] = []

    def reload_if_changed(self) -> None:
        """Wait, as on a mount that does not answer; then fail, or look."""
        self.looks += 1
        assert self.may_look.wait(timeout=60), "a test held a look and never let it go"
        if self.failures:
            raise self.failures.pop()
        super().reload_if_changed()


@pytest.fixture
def key() -> str:
    """The key in `keys`."""
    return new_key()


@pytest.fixture
def keys(tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> HeldKeys:
    """A key file that is looked at often."""
    monkeypatch.setattr("app.lifespan.POLL_SECONDS", 0.001)
    (tmp_path / "keys").write_text(line_of("caller", key))
    return HeldKeys(tmp_path / "keys")


def test_a_key_file_is_looked_at_though_nobody_asks(keys: HeldKeys, key: str) -> None:
    """A key that is taken out stops working on an idle server, too; without a key file nothing is done."""
    keys.may_look.set()

    async def scenario() -> None:
        with watch_keys(None), watch_keys(keys):
            keys.path.write_text("")
            await until(lambda: keys.name_of(key.encode()) is None)

    asyncio.run(scenario())


def test_a_look_at_the_key_file_that_hangs_holds_nobody_up(keys: HeldKeys, key: str) -> None:
    """Keys stay good, no second look is begun, and when the mount answers again a change counts."""

    async def scenario() -> None:
        with watch_keys(keys):
            await until(lambda: keys.looks > 0)
            keys.path.write_text("")
            await asyncio.sleep(0.05)  # many times as long as from one look to the next
            assert keys.looks == 1
            assert keys.name_of(key.encode()) == "caller"
            keys.may_look.set()
            await until(lambda: keys.name_of(key.encode()) is None)
        keys.may_look.clear()

    asyncio.run(scenario())


def test_a_look_at_the_key_file_that_fails_oddly_does_not_end_the_watching(
    keys: HeldKeys, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No memory, no thread: it is told, and looked at again."""
    keys.failures = [MemoryError("no room")]
    keys.may_look.set()

    async def scenario() -> None:
        with watch_keys(keys):
            await until(lambda: not keys.failures)
            keys.path.write_text("")
            await until(lambda: keys.name_of(key.encode()) is None)

    asyncio.run(scenario())
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage().endswith("not read; the keys that were there before stay good")
    assert record.exc_info


def test_signals_during_a_look_that_hangs_do_not_pile_up(root: Path) -> None:
    """One look after it serves them all; a signal after that has its own.

    In a process of its own. OpenVINO's plugin gives the thread that loads it a stack for signals, and unmaps
    that with the last engine, on whichever thread: where tests made one, the next signal would end them all.
    """
    command = [sys.executable, "-m", "tests.app.signals_itself"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["2", "3"]
