"""Asks the server on this machine whether it is ready: what a container's health check runs.

It runs every few seconds beside the server and on the same cores, so it imports next to nothing: settings
and an HTTP client would cost ten times as much as the question.
"""

from __future__ import annotations

import http.client
import os
import sys

from app.address import HOST, PORT, local_address

TIMEOUT_SECONDS = 2.0


def health() -> int:
    """0 if the server on `HOST` and `PORT` says that it is ready, else 1 and one line on standard error."""
    host, port = os.environ.get("HOST") or HOST, os.environ.get("PORT") or str(PORT)
    try:
        connection = http.client.HTTPConnection(local_address(host), int(port), timeout=TIMEOUT_SECONDS)
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        if response.status == http.client.OK:
            return 0
        reason = response.read().decode(errors="replace")
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = str(error)
    sys.stderr.write(f"{host}:{port}/readyz: {reason}\n")
    return 1
