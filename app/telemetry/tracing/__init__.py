"""Traces for OpenTelemetry: a span for each request, with what it spent its time on below it.

Off unless `TRACES` says otherwise, and then nothing of OpenTelemetry's SDK is imported: it comes with an
extra. A setting of our own switches it on, not `OTEL_EXPORTER_OTLP_ENDPOINT`: platforms set that one for all
that runs on them, and a server without the extra must not refuse to start over it. All else is said in the
standard's variables, so that one configuration is good for every service of a fleet.

It knows OpenTelemetry and no framework: `app/api/traced.py` tells it of requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import TracesImpossible

if TYPE_CHECKING:
    from app.telemetry.tracing.traces import Traces

__all__ = ["FLUSH_SECONDS", "open_traces"]

# For what waits to be sent when all else has ended: less than a supervisor gives a process to end.
FLUSH_SECONDS = 1.5


def open_traces() -> Traces | None:
    """What the environment's `OTEL_` variables describe; None if they say that there is to be nothing.

    Raises:
        TracesImpossible: the extra is not installed, or a variable says what cannot be done.
    """
    try:
        from app.telemetry.tracing import environment
    except ImportError as error:
        raise TracesImpossible(
            f"TRACES=true needs OpenTelemetry's SDK ({error}); "
            "install requirements/extras/traces.txt beside what serves, or set TRACES=false"
        ) from error
    return environment.open_traces()
