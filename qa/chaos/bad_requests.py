"""Invalid requests, each with the status that it must get."""

from __future__ import annotations

import numpy as np

from qa.chaos.workload import JSON, NPY, Request, Workload, as_json
from qa.harness.messages import as_npy

_NOTHING = np.empty((0, 0), np.float32)
# The server's defaults: docs/settings.md.
_MAX_ROWS = 256
_MAX_BODY_BYTES = 4 * 1024 * 1024


def bad_requests(workload: Workload) -> list[Request]:
    """One invalid request of each kind."""
    series = workload.series[:1]
    good, many = as_json(series), as_npy(np.resize(series, (_MAX_ROWS + 1, series.shape[1])))
    text = good.replace(b"[[", b'[["a", ', 1)
    return [
        Request("half a document", good[:-40], JSON, _NOTHING, status=400),
        Request("no npy", b"\x93NUMPY\x01\x00" + bytes(64), NPY, _NOTHING, status=400),
        Request("no such route", good, JSON, _NOTHING, status=404, path="/predictions"),
        Request("wrong method", good, JSON, _NOTHING, status=405, method="PUT"),
        Request("too large", bytes(_MAX_BODY_BYTES + 1), NPY, _NOTHING, status=413),
        Request("media type", good, "text/plain", _NOTHING, status=415),
        Request("a short series", as_npy(series[:, :-1]), NPY, _NOTHING, status=422),
        Request("too many series", many, NPY, _NOTHING, status=422),
        Request("a text for a number", text, JSON, _NOTHING, status=422),
        Request("no time", good, JSON, _NOTHING, status=504, extra="X-Request-Timeout: 0.000001\r\n"),
    ]
