"""Wiring: the only place that joins settings, artifact, service, metrics and routes into an app."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline

from app import schemas
from app.contract import open_artifact
from app.engines import load_engine
from app.errors import AppError
from app.lifecycle import Drain
from app.metrics import Metrics
from app.routes import native, ops, problems
from app.routes.context import RequestContext
from app.routes.predict import Limits, Predict
from app.routes.shortcut import Shortcut
from app.service import Service
from app.settings import Settings

log = logging.getLogger(__name__)

DESCRIPTION = """\
Class probabilities of time series, from a model that proved itself before it took traffic.

* `POST /predict` takes JSON or a NumPy array, one series or many.
* Each answer says how far to trust it, if the model was sealed with that: the labels that the series may
  have, a score of how unusual it is, and warnings. With `abstain=true` there is a label only if it is sure.
* Errors are problem documents ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) that say where.
* `GET /model` is the model's contract and card.
"""


def create_app(settings: Settings | None = None, service: Service | None = None) -> FastAPI:
    """Make the app.

    Args:
        settings: read from the environment if not given.
        service: made from the settings if not given; tests pass one with an engine of their own.

    Raises:
        ArtifactError: the artifact is missing, damaged or foreign.
    """
    settings = settings or Settings()
    metrics = Metrics()
    service = service or create_service(settings, metrics)
    app: FastAPI = FastAPIOffline(
        title="Time series classification",
        summary=service.contract.description,
        description=DESCRIPTION,
        version=f"{service.contract.name}/{service.contract.version}",
        redoc_url=None,
        # FastAPI's own: it asks the environment at every request whether there is any, 10 µs.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=partial(_lifespan, service=service, metrics=metrics, settings=settings),
    )
    app.state.service = service
    limits = Limits(
        max_instances=settings.max_batch_rows,
        max_body_bytes=settings.max_body_bytes,
        timeout=settings.request_timeout,
    )
    predict = Predict(service, metrics, limits)
    app.include_router(native.create_router(service, predict))
    app.include_router(ops.create_router(service, metrics))
    app.include_router(problems.create_router())
    app.add_api_route("/", _home, include_in_schema=False)
    problems.install(app)
    app.add_middleware(Shortcut, method="POST", path=native.PREDICT, handler=predict)
    app.add_middleware(  # the last one added is the first to see a request
        RequestContext,
        metrics=metrics,
        is_draining=lambda: service.is_draining,
        access_log=settings.access_log,
    )
    app.openapi = partial(_openapi, app.openapi)  # type: ignore[method-assign]
    return app


def create_service(settings: Settings, metrics: Metrics) -> Service:
    """Open the artifact and make the service that the settings describe; its engine is loaded when it starts.

    Raises:
        ArtifactError: the artifact is missing, damaged or foreign.
    """
    artifact = open_artifact(settings.artifact)
    load = partial(
        load_engine,
        artifact,
        choice=settings.engine,
        max_rows=settings.max_batch_rows,
        threads=settings.engine_threads,
    )
    return Service(
        artifact,
        load,
        max_batch_rows=settings.max_batch_rows,
        max_queue_rows=settings.max_queue_rows,
        max_batch_wait=settings.max_batch_wait,
        stall_after=settings.stall_after,
        observer=metrics,
    )


@asynccontextmanager
async def _lifespan(
    _app: FastAPI, *, service: Service, metrics: Metrics, settings: Settings
) -> AsyncIterator[None]:
    """Load in the background, so that probes are answered from the first moment; drain before the end."""
    drain = Drain(service, metrics, delay=settings.drain_delay, timeout=settings.drain_timeout)
    loading = asyncio.create_task(_load(service, metrics, drain))
    with drain.on_signals():
        yield
    drain.cancel()
    await service.close(timeout=settings.drain_timeout)
    await loading


async def _load(service: Service, metrics: Metrics, drain: Drain) -> None:
    try:
        await service.start()
    except AppError as error:
        log.critical("%s", error)
        drain.stop_server()
    else:
        _spare_the_collector()
        contract = service.contract
        metrics.serving(
            model=contract.name, version=contract.version, engine=service.engine_description or ""
        )


def _spare_the_collector() -> None:
    """What start-up made lives as long as the process: leave it out of garbage collection from now on.

    A full collection over it stops the event loop: with it the 99th percentile of 32 connections was 40 ms,
    without it 15 ms. Only where the process is the server's own, which is where it runs the main thread.
    """
    if threading.current_thread() is threading.main_thread():
        gc.collect()
        gc.freeze()


async def _home() -> RedirectResponse:
    """There is no page yet; the documentation is the next best thing."""
    return RedirectResponse("/docs")


def _openapi(generate: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The OpenAPI document, with the schemas of bodies that routes read and write as bytes."""
    document = generate()
    components = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (schemas.PredictRequest, schemas.PredictResponse, schemas.Problem):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        components.update(schema.pop("$defs", {}))
        components[model.__name__] = schema
    return document
