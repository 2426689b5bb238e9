"""Wiring: the only place that joins settings, artifact, service, metrics and routes into an app."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app.api import error_responses
from app.api.dialects import Dialect, Limits, all_dialects
from app.api.error_responses import ErrorResponses
from app.api.middleware import install
from app.api.middleware.api_keys import KeyFile
from app.api.middleware.auth import ApiKeyAuth
from app.api.middleware.request_context import RequestContext
from app.api.predict import Predictor
from app.api.recorder import RequestRecorder
from app.api.routes import docs, model, openapi, ops, predict, problems
from app.contract import open_artifact
from app.errors import AppError
from app.http.body_budget import BodyBudget
from app.http.connection_limit import ConnectionLimit
from app.http.fast_path import FastRoute
from app.inference.engines import load_engine
from app.inference.service import Service
from app.inference.versions import ModelVersions
from app.lifespan import Drain, publish_readiness, watch_keys, watch_versions
from app.settings import Settings
from app.system import process_tuning
from app.system.affinity import engine_threads, usable_here
from app.telemetry.metrics import Metrics
from app.telemetry.tracing import FLUSH_SECONDS, open_traces

if TYPE_CHECKING:
    from app.telemetry.tracing.traces import Traces

log = logging.getLogger(__name__)

OPENAPI = "/openapi.json"
# At least, for an engine that is still being made when all else has ended: a process that ends meanwhile may
# crash. One whose files are on a mount that hangs is left.
MAKING_SECONDS = 5.0

DESCRIPTION = """\
Class probabilities of time series, from a model that proved itself before it took traffic.

* `POST /predict` takes JSON or a NumPy array, one series or many.
* Each answer says how far to trust it, if the model was sealed with that: the labels that the series may
  have, a score of how unusual it is, and warnings. With `abstain=true` there is a label only if it is sure.
* Errors are problem documents ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) that say where.
* `GET /model` is the model's contract and card.
"""


def create_app(
    settings: Settings | None = None,
    service: Service | None = None,
    traces: Traces | None = None,
    metrics: Metrics | None = None,
    dialects: Sequence[Dialect] = (),
) -> FastAPI:
    """Make the app.

    Args:
        settings: read from the environment if not given.
        service: made from the settings if not given; tests pass one with an engine of their own.
        traces: opened if the settings want them and none are given; closed with the app.
        metrics: made if not given; whoever passes a service passes those that it counts with.
        dialects: wire protocols to be spoken besides those of `app.api.dialects`.

    Raises:
        ArtifactError: the artifact is missing, damaged or foreign.
        TracingUnavailable: there are to be traces, and it cannot be.
        InvalidKeyFile: there is to be a file of API keys, and there is none or it is not one.
    """
    settings = settings or Settings()
    metrics = metrics or Metrics()
    rollout = _create_rollout(settings, metrics, service)
    metrics.watch_readiness(lambda: rollout.status().ready)
    keys = KeyFile(settings.api_keys_file) if settings.api_keys_file else None
    if traces is None and settings.traces:
        traces = open_traces()
    app: FastAPI = FastAPIOffline(
        title="Time series classification",
        description=DESCRIPTION,
        openapi_url=OPENAPI,
        docs_url=None,  # `app/api/routes/docs.py` has it
        redoc_url=None,
        # It would name the server's own scheme and host: `app/api/known_paths.py`.
        redirect_slashes=False,
        servers=[{"url": settings.root_path}] if settings.root_path else None,
        # FastAPI's own: it asks the environment at every request whether there is any, 10 µs.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=partial(
            _lifespan, rollout=rollout, metrics=metrics, settings=settings, keys=keys, traces=traces
        ),
    )
    _add_routes(app, settings, rollout, metrics, (*dialects, *all_dialects()), keys=keys, traces=traces)
    app.state.rollout = rollout
    app.state.gate = ConnectionLimit(settings.max_connections, metrics.connection_refused)
    app.state.budget = BodyBudget(
        settings.max_body_bytes_in_flight,
        on_refused=metrics.body_refused,
        return_memory=process_tuning.release_memory,
    )
    return app


def _add_routes(
    app: FastAPI,
    settings: Settings,
    rollout: ModelVersions,
    metrics: Metrics,
    dialects: Sequence[Dialect],
    *,
    keys: KeyFile | None,
    traces: Traces | None,
) -> None:
    """The two ways of a request to its answer: routes with their middleware, and the fast path."""
    limits = Limits(
        max_instances=settings.max_batch_rows,
        max_body_bytes=settings.max_body_bytes,
        timeout=settings.request_timeout,
    )
    predictor = Predictor(rollout, limits)
    for dialect in dialects:
        app.include_router(predict.create_router(predictor, dialect))
    app.include_router(model.create_router(rollout))
    app.include_router(ops.create_router(rollout, metrics))
    app.include_router(problems.create_router(settings.root_path))
    app.include_router(docs.create_router(title=app.title, openapi=OPENAPI, root_path=settings.root_path))
    app.openapi = partial(_openapi, app, app.openapi, predictor)  # type: ignore[method-assign]
    errors = ErrorResponses(settings.root_path)
    error_responses.install(app, errors)
    recorder = RequestRecorder(
        metrics, is_draining=lambda: rollout.is_draining, access_log=settings.access_log, traces=traces
    )
    auth = ApiKeyAuth(keys, metrics.unauthorized) if keys else None
    install.install(
        app,
        auth=auth,
        protected=settings.protected_routes,
        origins=settings.cors_origins,
        counted=[model.MODEL, *(path for dialect in dialects for path in dialect.routes)],
        errors=errors,
    )
    # The last one added is the first in line.
    app.add_middleware(RequestContext, recorder=recorder, dialects=dialects, root_path=settings.root_path)
    app.state.fast_route = FastRoute(
        predictor,
        dialects,
        recorder=recorder,
        errors=errors,
        auth=auth,
        unusual=install.CORS_MARKS if settings.cors_origins else (),
    )


def create_service(settings: Settings, metrics: Metrics, path: Path | None = None) -> Service:
    """Open an artifact and make the service that the settings describe; its engine is loaded when it starts.

    Args:
        settings: of the server.
        metrics: observes it.
        path: of the artifact, if not that of the settings.

    Raises:
        ArtifactError: the artifact is missing, damaged or foreign.
    """
    artifact = open_artifact(path or settings.artifact)
    # `app.server.serve` has put the number there; an app that something else runs is one process.
    workers = 1 if settings.workers == "auto" else settings.workers
    load = partial(
        load_engine,
        artifact,
        choice=settings.engine,
        max_rows=settings.max_batch_rows,
        threads=engine_threads(settings.engine_threads, workers=workers),
    )
    return Service(
        artifact,
        load,
        max_batch_rows=settings.max_batch_rows,
        max_queue_rows=settings.max_queue_rows,
        max_queue_seconds=settings.max_queue_seconds,
        max_batch_wait=settings.max_batch_wait,
        stall_after=settings.stall_timeout,
        most_brief_rows=settings.inline_batch_rows,
        has_one_processor=usable_here(workers=workers) == 1,
        observer=metrics,
        predictions=metrics.predictions,
    )


def _create_rollout(settings: Settings, metrics: Metrics, service: Service | None) -> ModelVersions:
    first = service or create_service(settings, metrics)
    return ModelVersions(
        first,
        partial(create_service, settings, metrics),
        settings.artifact if service is None else first.artifact.folder,
        keep=settings.keep_versions,
        finish=settings.drain_timeout,
        observer=metrics,
    )


@asynccontextmanager
async def _lifespan(
    _app: FastAPI,
    *,
    rollout: ModelVersions,
    metrics: Metrics,
    settings: Settings,
    keys: KeyFile | None,
    traces: Traces | None,
) -> AsyncIterator[None]:
    """Load in the background, so that probes are answered from the first moment; drain before the end."""
    drain = Drain(rollout, metrics, delay=settings.drain_delay, timeout=settings.drain_timeout)
    loading = asyncio.create_task(_load(rollout, drain))
    looks = watch_versions(rollout, every=settings.reload_seconds)
    with drain.on_signals(), looks, publish_readiness(metrics), watch_keys(keys):
        yield
    drain.cancel()
    await rollout.close(timeout=settings.drain_timeout)
    await asyncio.wait([loading], timeout=max(settings.drain_timeout, MAKING_SECONDS))
    metrics.flush()
    if traces is not None:
        await traces.close(timeout=min(FLUSH_SECONDS, settings.drain_timeout))


async def _load(rollout: ModelVersions, drain: Drain) -> None:
    try:
        await rollout.start()
    except AppError as error:
        log.critical("%s", error)
        drain.stop_server()
    else:
        process_tuning.tune_interpreter()


def _openapi(app: FastAPI, generate: Callable[[], dict[str, Any]], predictor: Predictor) -> dict[str, Any]:
    """The OpenAPI document of the version that serves, with the schemas that routes do not declare."""
    service = predictor.versions.current
    contract = service.contract
    version = f"{contract.name}/{contract.version}"
    if app.version != version:
        app.version, app.summary, app.openapi_schema = version, contract.description, None
        openapi.describe(generate(), service.artifact, max_instances=predictor.limits.max_instances)
    return generate()
