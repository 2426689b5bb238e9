"""The metrics, trace and log line of each call."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING

from grpc import StatusCode

from app.api.headers import RequestHead
from app.api.predict import PredictCall
from app.api.request_trace import trace_request
from app.telemetry.metrics import Metrics
from app.telemetry.request_record import RequestRecord

if TYPE_CHECKING:  # it needs the SDK, which is there where traces are wanted
    from app.telemetry.tracing.traces import Traces

log = logging.getLogger("app.access")


class CallRecorder:
    """Records calls.

    Args:
        metrics: count each call.
        access_log: log a line for each call.
        traces: record each call; None without tracing.
    """

    def __init__(self, metrics: Metrics, *, access_log: bool, traces: Traces | None = None) -> None:
        self._metrics = metrics
        self._access_log = access_log
        self._traces = traces

    def record(
        self, record: RequestRecord, head: RequestHead, *, code: StatusCode, call: PredictCall | None = None
    ) -> None:
        """Count a call that has ended; trace and log it if that is on.

        Args:
            record: of the call.
            head: of the call.
            code: that it ended with.
            call: its prediction, if it has one.
        """
        seconds = perf_counter() - record.arrived
        record.code = code.name
        self._metrics.answered_call(method=record.route, code=code.name, seconds=seconds)
        trace_id = None
        if self._traces is not None:
            record.work = None if call is None else call.work()
            trace_id = trace_request(self._traces, record, head)
        if self._access_log:
            extra = {"request_id": record.request_id, "seconds": round(seconds, 6), "status": code.name}
            if trace_id is not None:
                extra["trace_id"] = trace_id
            if record.client:
                extra["client"] = record.client
            log.info("gRPC %s %s", record.route, code.name, extra=extra)
