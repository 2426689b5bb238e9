"""The app: the only place that joins settings, artifact, service, metrics and routes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.api import error_responses
from app.api.dialects import Dialect, Limits, ServerState, enabled_dialects
from app.api.dialects.native import Native
from app.api.error_responses import ErrorResponses
from app.api.explain_parameters import ExplainLimits
from app.api.middleware import install
from app.api.middleware.api_keys import KeyFile
from app.api.middleware.auth import ApiKeyAuth
from app.api.middleware.request_context import RequestContext
from app.api.predict import Predictor
from app.api.recorder import RequestRecorder
from app.api.routes import docs, drift, explain, model, openapi, ops, page, predict, problems
from app.api.stream import route as stream
from app.client.schemas import RequestLimits
from app.contract import Artifact, open_artifact
from app.grpc import create_server
from app.http.body_budget import BodyBudget
from app.http.connection_limit import ConnectionLimit
from app.http.fast_path import FastRoute
from app.inference.engines import load_embedder, load_engine
from app.inference.service import Service
from app.inference.store_source import StoreSource
from app.inference.trust import PRECISION_LOST, warning_kinds
from app.inference.versions import ModelVersions
from app.lifespan import lifespan
from app.registry import ArtifactCache, RemoteArtifact, default_cache
from app.settings import Settings
from app.system import process_tuning
from app.system.affinity import engine_threads, usable_here
from app.system.thread import on_daemon_thread
from app.telemetry.drift.monitor import DriftMonitor, DriftOptions
from app.telemetry.metrics import Metrics
from app.telemetry.multiprocess_dir import VARIABLE
from app.telemetry.tracing import open_traces

if TYPE_CHECKING:
    from app.telemetry.tracing.traces import Traces

OPENAPI = "/openapi.json"

DESCRIPTION = """\
Class probabilities of time series. The model was verified against golden answers before it took traffic.

* `POST /predict` takes JSON or a NumPy array, one series or many.
* `POST /explain` says which parts of a series a prediction depends on.
* `POST /predict/stream` takes a recording of any length and answers each window of it as it is complete.
* If the model supports it, each prediction has a label set, an out-of-distribution score and warnings. With
  `abstain=true`, a series gets a label only if the model is sure of it.
* Errors are problem documents ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) that say what is wrong.
* `GET /model` returns the model's contract and card.
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
        settings: default: from the environment.
        service: default: made from the settings. Tests pass one with a fake engine.
        traces: default: made if the settings enable them. They are closed with the app.
        metrics: default: new ones. With `service`, pass the metrics that it uses.
        dialects: wire protocols in addition to those that PROTOCOLS names.

    Raises:
        ArtifactError: the artifact is missing, damaged or not compatible.
        TracesUnavailable: traces are enabled and cannot be sent.
        GrpcUnavailable: GRPC_PORT is set, and its extra is not installed.
        InvalidKeyFile: API_KEYS_FILE is missing or not valid.
        StoreError: ARTIFACT is a URL, and neither the store nor the cache has a version.
    """
    settings = settings or Settings()
    metrics = metrics or Metrics()
    versions = _create_versions(settings, metrics, service)
    metrics.watch_readiness(lambda: versions.status().ready)
    metrics.watch_drift(lambda: versions.drift)
    keys = KeyFile(settings.api_keys_file) if settings.api_keys_file else None
    if traces is None and settings.traces:
        traces = open_traces()
    app = FastAPI(
        title="Time series classification",
        description=DESCRIPTION,
        openapi_url=OPENAPI,
        docs_url=None,  # in `app/api/routes/docs.py`
        redoc_url=None,
        # They would have the server's own scheme and host: see `app/api/known_paths.py`.
        redirect_slashes=False,
        servers=[{"url": settings.root_path}] if settings.root_path else None,
        # FastAPI's own telemetry reads the environment at every request, which takes 10 µs.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=partial(
            lifespan,
            versions=versions,
            metrics=metrics,
            keys=keys,
            traces=traces,
            reload_seconds=settings.reload_seconds,
            drain_delay=settings.drain_delay,
            drain_timeout=settings.drain_timeout,
        ),
    )
    enabled = (*dialects, *enabled_dialects(settings.protocols))
    _add_routes(app, settings, versions, metrics, enabled, keys=keys, traces=traces)
    app.state.versions = versions
    app.state.connection_limit = ConnectionLimit(settings.max_connections, metrics.connection_refused)
    app.state.max_connection_age = settings.max_connection_age
    app.state.body_budget = BodyBudget(
        settings.max_body_bytes_in_flight,
        on_refused=metrics.body_refused,
        return_memory=process_tuning.release_memory,
    )
    return app


def _add_routes(
    app: FastAPI,
    settings: Settings,
    versions: ModelVersions,
    metrics: Metrics,
    dialects: Sequence[Dialect],
    *,
    keys: KeyFile | None,
    traces: Traces | None,
) -> None:
    """Add all ways to a response: routes with their middleware, the fast path, and gRPC."""
    limits = Limits(
        max_instances=settings.max_batch_rows,
        max_body_bytes=settings.max_body_bytes,
        timeout=settings.request_timeout,
    )
    predictor = Predictor(versions, limits)
    state = ServerState(versions, metrics, limits)
    errors = ErrorResponses(settings.root_path)
    counted = [model.MODEL]
    explain_limits = ExplainLimits(settings.explain_max_variants, settings.explain_timeout)
    for dialect in dialects:
        # First: V1's template of predictions matches its paths of explanations, too.
        app.include_router(explain.create_router(predictor, dialect, explain_limits))
        app.include_router(predict.create_router(predictor, dialect))
        app.include_router(other := dialect.router(state))
        counted += (*dialect.explain_routes, *dialect.routes)
        counted += (route.path for route in other.routes if isinstance(route, APIRoute))
    if Native.name in settings.protocols:
        native = next(dialect for dialect in dialects if isinstance(dialect, Native))
        app.router.routes.append(stream.create_route(predictor, native, errors))
        counted.append(stream.STREAM)
    app.include_router(
        model.create_router(
            versions,
            RequestLimits(
                max_instances=limits.max_instances,
                max_body_bytes=limits.max_body_bytes,
                request_timeout=limits.timeout,
                keep_alive_timeout=settings.keep_alive_timeout,
            ),
            explain_limits,
        )
    )
    app.include_router(ops.create_router(versions, metrics))
    app.include_router(drift.create_router(versions, has_keys=keys is not None))
    app.include_router(problems.create_router(settings.root_path))
    names = [dialect.name for dialect in dialects]
    for own in (
        page.create_router(versions, limits, names, root_path=settings.root_path),
        docs.create_router(title=app.title, openapi=OPENAPI, root_path=settings.root_path),
    ):
        app.router.routes.extend(own.routes)  # `include_router` would leave out the mounted files
    app.openapi = partial(_openapi, app, app.openapi, predictor, dialects)  # type: ignore[method-assign]
    error_responses.install(app, errors)
    recorder = RequestRecorder(
        metrics, is_draining=lambda: versions.is_draining, access_log=settings.access_log, traces=traces
    )
    auth = ApiKeyAuth(keys, metrics.unauthorized) if keys else None
    install.install(
        app,
        auth=auth,
        protected=settings.protected_routes,
        origins=settings.cors_origins,
        public=[dialect.public for dialect in dialects if dialect.public],
        is_open=[dialect.is_open for dialect in dialects],
        counted=counted,
        errors=errors,
    )
    # The middleware that is added last runs first.
    app.add_middleware(RequestContext, recorder=recorder, dialects=dialects, root_path=settings.root_path)
    app.state.fast_route = FastRoute(
        predictor,
        dialects,
        recorder=recorder,
        errors=errors,
        auth=auth,
        slow_path_headers=install.CORS_MARKS if settings.cors_origins else (),
    )
    app.state.grpc = None
    if settings.grpc_port is not None:
        app.state.grpc = create_server(
            predictor,
            metrics,
            host=settings.host,
            port=settings.grpc_port,
            auth=auth,
            access_log=settings.access_log,
            traces=traces,
            max_bytes_in_flight=settings.max_body_bytes_in_flight,
            max_connections=settings.max_connections,
        )


def create_service(settings: Settings, metrics: Metrics, path: Path | None = None) -> Service:
    """Open an artifact and make its service; the engine is loaded when the service starts.

    Args:
        settings: of the server.
        metrics: of the service.
        path: of the artifact; default: ARTIFACT, fetched if it is a URL.

    Raises:
        ArtifactError: the artifact is missing, damaged or not compatible.
        StoreError: it cannot be fetched.
    """
    place = path or settings.artifact
    folder = place if isinstance(place, Path) else _remote(settings).first()
    artifact = open_artifact(folder, public_key=settings.require_signature)
    # `app.server.serve` has replaced `auto` by a number; without it, the app is one process.
    workers = 1 if settings.workers == "auto" else settings.workers
    threads = engine_threads(settings.engine_threads, workers=workers)
    load = partial(
        load_engine,
        artifact,
        choice=settings.engine,
        max_rows=settings.max_batch_rows,
        threads=threads,
    )
    return Service(
        artifact,
        load,
        max_batch_rows=settings.max_batch_rows,
        max_queue_rows=settings.max_queue_rows,
        max_queue_seconds=settings.max_queue_seconds,
        max_batch_wait=settings.max_batch_wait,
        stall_timeout=settings.stall_timeout,
        max_inline_rows=settings.inline_batch_rows,
        has_one_core=usable_here(workers=workers) == 1,
        background_rows=settings.background_queue_rows,
        background_share=settings.background_share,
        max_variants=settings.explain_max_variants,
        load_embedder=lambda spec, golden, runtime: load_embedder(
            artifact, spec.embedding, golden, engine=runtime, threads=threads
        ),
        observer=metrics.observer(artifact.contract.version),
        background_observer=metrics.background,
        predictions=metrics.predictions,
        drift=_drift_monitor(artifact, settings),
    )


def _remote(settings: Settings, on_checked: Callable[[float], None] | None = None) -> RemoteArtifact:
    return RemoteArtifact(
        str(settings.artifact),
        ArtifactCache(settings.artifact_cache or default_cache()),
        signed=settings.require_signature is not None,
        on_checked=on_checked,
    )


def _drift_monitor(artifact: Artifact, settings: Settings) -> DriftMonitor | None:
    contract = artifact.contract
    if contract.drift is None:
        return None
    folder = os.environ.get(VARIABLE)
    return DriftMonitor(
        contract,
        tuple(kind.code for kind in warning_kinds(contract.trust) if kind is not PRECISION_LOST),
        DriftOptions(
            false_alarm_rate=settings.drift_false_alarm_rate,
            window_seconds=settings.drift_window,
            folder=Path(folder) if folder else None,
        ),
        key=artifact.contract_sha256[:12],
    )


def _create_versions(settings: Settings, metrics: Metrics, service: Service | None) -> ModelVersions:
    remote = None
    if service is not None:
        path = service.artifact.folder
    elif isinstance(settings.artifact, Path):
        path = settings.artifact
    else:
        remote = _remote(settings, metrics.artifact_checked)
        # On a thread: a signal ends the process while the store does not answer.
        path = on_daemon_thread(remote.first)

    def open_version(folder: Path) -> Service:
        return create_service(settings, metrics, remote.fetch(folder) if remote else folder)

    return ModelVersions(
        service or create_service(settings, metrics, path),
        open_version,
        path,
        keep=settings.keep_versions,
        close_timeout=settings.drain_timeout,
        observer=metrics,
        source=StoreSource(remote) if remote else None,
    )


def _openapi(
    app: FastAPI,
    generate: Callable[[], dict[str, Any]],
    predictor: Predictor,
    dialects: Sequence[Dialect],
) -> dict[str, Any]:
    """The OpenAPI document of the current version, with the schemas that routes do not declare."""
    service = predictor.versions.current
    contract = service.contract
    version = f"{contract.name}/{contract.version}"
    if app.version != version:
        app.version, app.summary, app.openapi_schema = version, contract.description, None
        document, most = generate(), predictor.limits.max_instances
        openapi.describe(document, service.artifact, max_instances=most)
        for dialect in dialects:
            dialect.describe(document, service.artifact, max_instances=most)
    return generate()
