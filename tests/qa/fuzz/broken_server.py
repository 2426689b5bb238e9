"""A server with faults, as a process: `python -m tests.qa.fuzz.broken_server PORT FAULT…`.

It counts answers of status 500, gives other probabilities, writes a trace, or ends with another code.
"""

from __future__ import annotations

import signal
import sys
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

from app.contract import open_artifact
from qa.harness.messages import as_npy
from qa.harness.process import ROOT

COUNTS, WRONG, TRACES, DIES = "counts 500", "wrong", "traces", "dies"
DEATH = 3
LISTENS = "listens"  # stands in its log once it does
LAST_WORDS = "invalid literal for int() with base 10: 'oh no'"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faults: frozenset[str]

    def do_GET(self) -> None:
        """The metrics."""
        status = "500" if COUNTS in self.faults else "200"
        self._answer(
            f'timeseries_http_requests_total{{protocol="native",route="/",status="{status}"}} 2.0\n'.encode()
        )

    def do_POST(self) -> None:
        """The golden answers, whatever is asked."""
        self.rfile.read(int(self.headers["Content-Length"]))
        golden = open_artifact(ROOT / "model_artifacts" / "forda").golden
        self._answer(as_npy(golden.probabilities + (WRONG in self.faults)))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(port: int, *faults: str) -> None:
    """Serve until asked to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(DEATH if DIES in faults else 0))
    _Handler.faults = frozenset(faults)
    server = HTTPServer(("127.0.0.1", port), _Handler)
    if TRACES in faults:
        try:
            int("oh no")
        except ValueError:
            traceback.print_exc()
    sys.stderr.write(f"{LISTENS}\n")
    sys.stderr.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
