"""An app in this process, on the committed contract and an engine that the test holds in its hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app.contract import Artifact
from app.inference.service import Service
from app.main import create_app, create_service
from app.settings import Settings
from app.telemetry.metrics import Metrics
from tests.support.fakes import FakeEngine

LENGTH = 500
MAX_ROWS = 8
MAX_BODY = 100_000
# Longer than any test waits: what times out in a test did so by its own timeout, not by the server\'s.
REQUEST_TIMEOUT = 3600.0


@dataclass
class App:
    """The client of an app, its service and its engine."""

    client: TestClient
    service: Service
    engine: FakeEngine


@pytest.fixture
def app(plain_artifact: Artifact) -> Iterator[App]:
    """A ready app of a model without trust, with small limits."""
    with running_app(plain_artifact) as running:
        yield running


@contextmanager
def running_app(artifact: Artifact) -> Iterator[App]:
    """A ready app with small limits; it takes 45 ms of CPU time."""
    engine, metrics = FakeEngine(max_rows=MAX_ROWS), Metrics()
    service = small_service(artifact, engine, metrics)
    settings = Settings(max_batch_rows=MAX_ROWS, max_queue_rows=MAX_ROWS, max_body_bytes=MAX_BODY)
    with ready_client(service, settings, metrics) as client:
        yield App(client, service, engine)
        engine.release()


@pytest.fixture(scope="session")
def trusting(trusted_artifact: Artifact) -> Iterator[TestClient]:
    """A ready app on the small artifact with trust and its real engine."""
    settings = Settings(artifact=trusted_artifact.folder, max_batch_rows=MAX_ROWS, engine="openvino")
    metrics = Metrics()
    with ready_client(create_service(settings, metrics), settings, metrics) as client:
        yield client


def small_service(
    artifact: Artifact, engine: FakeEngine, metrics: Metrics, *, rows: int = MAX_ROWS
) -> Service:
    """A service, not yet started, whose queue holds one batch of so many rows, counted in these metrics."""
    return Service(
        artifact,
        lambda: engine,
        max_batch_rows=rows,
        max_queue_rows=rows,
        predictions=metrics.predictions,
    )


@contextmanager
def ready_client(
    service: Service, settings: Settings, metrics: Metrics | None = None
) -> Iterator[TestClient]:
    """A client of an app in this process, once its service is ready."""
    with TestClient(create_app(settings, service, metrics=metrics), raise_server_exceptions=False) as client:
        while not service.status().ready:
            client.get("/startupz")
        yield client


def series(*first_values: float) -> NDArray[np.float32]:
    """Series that differ in their first value."""
    array = np.zeros((len(first_values), LENGTH), np.float32)
    array[:, 0] = first_values
    return array
