"""`app.main`: what the settings and the machine make of a service."""

from __future__ import annotations

import threading

import pytest

from app.contract import Artifact
from app.main import create_service
from app.metrics import Metrics
from app.settings import Settings
from tests.app.test_service_brief import threads_of
from tests.fakes import FakeEngine


@pytest.mark.parametrize(
    ("processors", "brief_rows", "on_the_loop"),
    [
        ({3}, None, [True, True, False]),
        ({0, 3}, None, [True, False, False]),
        ({3}, 8, [True, False, False]),
        ({0, 3}, 32, [True, True, False]),
    ],
)
def test_the_event_loop_computes_more_where_it_has_the_only_processor(
    plain_artifact: Artifact,
    monkeypatch: pytest.MonkeyPatch,
    processors: set[int],
    brief_rows: int | None,
    on_the_loop: list[bool],
) -> None:
    """Batches of 8, 32 and 33 series, unless the settings say how many."""
    engine = FakeEngine(max_rows=64)
    monkeypatch.setattr("app.main.available", lambda: processors)
    monkeypatch.setattr("app.main.load_engine", lambda *_, **__: engine)
    monkeypatch.setattr("app.main.open_artifact", lambda _: plain_artifact)
    service = create_service(Settings(brief_rows=brief_rows), Metrics())
    threads = threads_of(service, engine, 8, 32, 33)
    assert [thread == threading.get_ident() for thread in threads] == on_the_loop
