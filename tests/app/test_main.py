"""`app.main`: what the settings and the machine make of a service."""

from __future__ import annotations

import threading
from typing import Any, Literal

import pytest

from app.contract import Artifact
from app.main import create_service
from app.settings import Settings
from app.telemetry.metrics import Metrics
from tests.app.inference.test_service_inline import threads_of
from tests.support.fakes import FakeEngine


@pytest.mark.parametrize(
    ("processors", "quota", "workers", "inline_batch_rows", "on_the_loop"),
    [
        (1, None, 1, None, [True, True, False]),
        (2, None, 1, None, [True, False, False]),
        (1, None, 1, 8, [True, False, False]),
        (2, None, 1, 32, [True, True, False]),
        (8, 1.0, 1, None, [True, True, False]),
        (8, 1.5, 1, None, [True, True, False]),
        (8, 2.0, 1, None, [True, False, False]),
        (4, 2.0, 2, None, [True, True, False]),
        (8, 4.0, 2, None, [True, False, False]),
    ],
)
def test_inline_batches_are_larger_with_one_core(
    plain_artifact: Artifact,
    monkeypatch: pytest.MonkeyPatch,
    processors: int,
    quota: float | None,
    workers: int,
    inline_batch_rows: int | None,
    on_the_loop: list[bool],
) -> None:
    """Batches of 8, 32 and 33 series, unless the settings say how many; by affinity and by CPU quota."""
    engine = FakeEngine(max_rows=64)
    _on_a_machine(monkeypatch, plain_artifact, engine, processors=processors, quota=quota)
    service = create_service(Settings(inline_batch_rows=inline_batch_rows, workers=workers), Metrics())
    threads = threads_of(service, engine, 8, 32, 33)
    assert [thread == threading.get_ident() for thread in threads] == on_the_loop


@pytest.mark.parametrize(
    ("engine_threads", "workers", "given"), [(0, 1, 4), (0, 2, 2), (0, "auto", 4), (1, 1, 1), (3, 2, 3)]
)
def test_the_engine_gets_the_threads_of_its_quota(
    plain_artifact: Artifact,
    monkeypatch: pytest.MonkeyPatch,
    engine_threads: int,
    workers: int | Literal["auto"],
    given: int,
) -> None:
    """Where the runtime would choose: it sees 8 processors, and the quota is 4."""
    engine = FakeEngine(max_rows=64)
    asked = _on_a_machine(monkeypatch, plain_artifact, engine, processors=8, quota=4.0)
    service = create_service(Settings(engine_threads=engine_threads, workers=workers), Metrics())
    threads_of(service, engine, 1)
    assert [options["threads"] for options in asked] == [given]


def _on_a_machine(
    monkeypatch: pytest.MonkeyPatch,
    artifact: Artifact,
    engine: FakeEngine,
    *,
    processors: int,
    quota: float | None,
) -> list[dict[str, Any]]:
    """Give the app such a machine, an artifact and an engine; the options that engines are loaded with."""
    asked: list[dict[str, Any]] = []

    def load_engine(_: Artifact, **options: Any) -> FakeEngine:
        asked.append(options)
        return engine

    monkeypatch.setattr("app.system.affinity.available", lambda: range(processors))
    monkeypatch.setattr("app.system.affinity.cpu_quota", lambda: quota)
    monkeypatch.setattr("app.main.load_engine", load_engine)
    monkeypatch.setattr("app.main.open_artifact", lambda _, **__: artifact)
    return asked
