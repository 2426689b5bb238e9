"""`app.lifespan`: tasks that run beside the requests."""

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


def test_readiness_is_published_without_requests() -> None:
    """Another worker may serve /metrics, so the gauge follows the state by itself."""
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
    """A key file whose checks wait for the test."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.checks = 0
        self.may_check = threading.Event()
        self.failures: list[Exception] = []

    def reload_if_changed(self) -> None:
        """Wait, as on a mount that does not respond; then fail, or check the file."""
        self.checks += 1
        assert self.may_check.wait(timeout=60), "a test held a check and did not release it"
        if self.failures:
            raise self.failures.pop()
        super().reload_if_changed()


@pytest.fixture
def key() -> str:
    """The key in `keys`."""
    return new_key()


@pytest.fixture
def keys(tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> HeldKeys:
    """A key file that is checked every millisecond."""
    monkeypatch.setattr("app.lifespan.POLL_SECONDS", 0.001)
    (tmp_path / "keys").write_text(line_of("caller", key))
    return HeldKeys(tmp_path / "keys")


def test_a_key_file_is_checked_without_requests(keys: HeldKeys, key: str) -> None:
    """A removed key stops working on an idle server, too; without a key file nothing is done."""
    keys.may_check.set()

    async def scenario() -> None:
        with watch_keys(None), watch_keys(keys):
            keys.path.write_text("")
            await until(lambda: keys.name_of(key.encode()) is None)

    asyncio.run(scenario())


def test_a_check_of_the_key_file_that_hangs_blocks_nothing(keys: HeldKeys, key: str) -> None:
    """Keys stay valid, no second check starts, and a change counts once the mount responds."""

    async def scenario() -> None:
        with watch_keys(keys):
            await until(lambda: keys.checks > 0)
            keys.path.write_text("")
            await asyncio.sleep(0.05)  # many times the interval of checks
            assert keys.checks == 1
            assert keys.name_of(key.encode()) == "caller"
            keys.may_check.set()
            await until(lambda: keys.name_of(key.encode()) is None)
        keys.may_check.clear()

    asyncio.run(scenario())


def test_an_unexpected_error_does_not_end_the_checks_of_the_key_file(
    keys: HeldKeys, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No memory or no thread: the error is logged and the file is checked again."""
    keys.failures = [MemoryError("no room")]
    keys.may_check.set()

    async def scenario() -> None:
        with watch_keys(keys):
            await until(lambda: not keys.failures)
            keys.path.write_text("")
            await until(lambda: keys.name_of(key.encode()) is None)

    asyncio.run(scenario())
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage().endswith("not read; the previous keys stay valid")
    assert record.exc_info


def test_signals_during_a_check_that_hangs_do_not_pile_up(root: Path) -> None:
    """One check after it serves them all; a later signal starts another.

    In a separate process: OpenVINO's plugin gives the thread that loads it a signal stack, and unmaps it with
    the last engine, on any thread. Where tests made an engine, the next signal would end the test process.
    """
    command = [sys.executable, "-m", "tests.app.signals_itself"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["2", "3"]
