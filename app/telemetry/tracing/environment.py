"""Traces as OpenTelemetry's own variables describe them: service, sampler, endpoint, headers, queue."""

from __future__ import annotations

import logging
import os

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app.errors import TracesImpossible
from app.telemetry.tracing.spans import Unfolding
from app.telemetry.tracing.traces import Traces

# What this service is called if OTEL_SERVICE_NAME does not say.
SERVICE = "timeseries-server"
_PROTOCOL = "http/protobuf"
_PROTOCOL_NAMES = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

log = logging.getLogger(__name__)


def open_traces() -> Traces | None:
    """Traces that leave for a collector on a thread of their own; None if the environment says that none do.

    Raises:
        TracesImpossible: a variable says what cannot be done.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        log.warning("TRACES=true, but OTEL_SDK_DISABLED=true: there are no traces")
        return None
    _check_protocol()
    try:
        # Made for what it reads of the environment. It is no global, and gives out no tracers.
        provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        processor = BatchSpanProcessor(Unfolding(OTLPSpanExporter()))
    except (ValueError, OSError) as error:
        raise TracesImpossible(f"traces cannot be sent as the OTEL_ variables say: {error}") from error
    return Traces(processor, sampler=provider.sampler, resource=provider.resource)


def _resource() -> Resource:
    given = OTELResourceDetector().detect().attributes
    return Resource.create({"service.name": SERVICE, **given})


def _check_protocol() -> None:
    """Refuse another protocol at once: on its gRPC port a collector would only ever not understand."""
    for name in _PROTOCOL_NAMES:
        protocol = os.environ.get(name, "").strip() or _PROTOCOL
        if protocol != _PROTOCOL:
            raise TracesImpossible(
                f"{name}={protocol}: traces leave by {_PROTOCOL} alone, which collectors take on port 4318"
            )
