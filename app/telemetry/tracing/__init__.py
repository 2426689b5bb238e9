"""OpenTelemetry traces: a span for each request, with a child span for each step.

Off unless `TRACES=true`. While off, OpenTelemetry's SDK, an extra, is not imported. Traces are not switched
on by `OTEL_EXPORTER_OTLP_ENDPOINT`: platforms set that variable for every service, and a server without the
extra must still start. Everything else is configured by the standard `OTEL_` variables, so one configuration
fits all services.

It knows OpenTelemetry and no framework: `app/api/request_trace.py` tells it of requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import TracingUnavailable

if TYPE_CHECKING:
    from app.telemetry.tracing.traces import Traces

__all__ = ["FLUSH_SECONDS", "open_traces"]

# For sending the queued spans at shutdown: less than a supervisor gives a process to end.
FLUSH_SECONDS = 1.5


def open_traces() -> Traces | None:
    """Open traces as the `OTEL_` variables configure them; None if `OTEL_SDK_DISABLED=true`.

    Raises:
        TracingUnavailable: the extra is not installed, or a variable says what cannot be done.
    """
    try:
        from app.telemetry.tracing import environment
    except ImportError as error:
        raise TracingUnavailable(
            f"TRACES=true needs OpenTelemetry's SDK ({error}); "
            "install requirements/extras/traces.txt in the server's environment, or set TRACES=false"
        ) from error
    return environment.open_traces()
