"""Configures traces from the `OTEL_` variables: service, sampler, endpoint, headers, queue."""

from __future__ import annotations

import logging
import os

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app.errors import TracingUnavailable
from app.telemetry.tracing.spans import RequestSpanExporter
from app.telemetry.tracing.traces import Traces

# The default of OTEL_SERVICE_NAME.
SERVICE = "timeseries-server"
_PROTOCOL = "http/protobuf"
_PROTOCOL_NAMES = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

log = logging.getLogger(__name__)


def open_traces() -> Traces | None:
    """Open traces that a thread sends to a collector; None if `OTEL_SDK_DISABLED=true`.

    Raises:
        TracingUnavailable: a variable says what cannot be done.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        log.warning("OTEL_SDK_DISABLED=true: no traces are sent although TRACES=true")
        return None
    _check_protocol()
    try:
        # Used only to read the environment; it is not set as the global provider and creates no tracers.
        provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        processor = BatchSpanProcessor(RequestSpanExporter(OTLPSpanExporter()))
    except (ValueError, OSError) as error:
        raise TracingUnavailable(f"traces cannot be sent as the OTEL_ variables say: {error}") from error
    return Traces(processor, sampler=provider.sampler, resource=provider.resource)


def _resource() -> Resource:
    given = OTELResourceDetector().detect().attributes
    return Resource.create({"service.name": SERVICE, **given})


def _check_protocol() -> None:
    """Refuse other protocols at the start: a collector's gRPC port would fail on every export."""
    for name in _PROTOCOL_NAMES:
        protocol = os.environ.get(name, "").strip() or _PROTOCOL
        if protocol != _PROTOCOL:
            raise TracingUnavailable(
                f"{name}={protocol}: traces leave by {_PROTOCOL} alone, which collectors take on port 4318"
            )
