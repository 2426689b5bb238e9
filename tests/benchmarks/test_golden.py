"""A server's answers are compared with the artifact's before it is loaded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from app.contract import Artifact
from benchmarks.peers.errors import PeerError
from benchmarks.peers.golden import Golden, check, read_golden
from benchmarks.peers.model import Model, calls
from benchmarks.peers.servers.naive import Naive

GOLDEN = Golden(
    series=np.array([[0.0], [1.0]], np.float32),
    probabilities=np.array([[0.5, 0.5], [0.0, 1.0]], np.float32),
    tolerance=0.01,
)


@contextmanager
def answering(status: int, *, off: float) -> Iterator[int]:
    """A server whose probabilities are off by so much; its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            rows = [int(value) for (value,) in json.loads(body)["instances"]]
            text = json.dumps({"probabilities": (GOLDEN.probabilities[rows] + off).tolist()}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_equal_answers_pass_with_their_difference() -> None:
    """Within the tolerance, alone and together."""
    with answering(200, off=0.005) as port:
        assert check(Naive(), port, GOLDEN) == pytest.approx(0.005, abs=1e-6)


def test_other_answers_stop_a_server() -> None:
    """However fast it gives them."""
    with answering(200, off=0.02) as port, pytest.raises(PeerError, match=r"differ by 0\.02"):
        check(Naive(), port, GOLDEN)


def test_an_error_stops_a_server() -> None:
    """The status and what it said."""
    with answering(500, off=0.0) as port, pytest.raises(PeerError, match="JSON got status 500"):
        check(Naive(), port, GOLDEN)


def test_the_shared_model_gives_the_golden_answers(artifact: Artifact) -> None:
    """In batches of any size: more than its largest graph too."""
    golden = read_golden(artifact.folder)
    model = Model(artifact.folder, max_rows=8)
    for rows in (1, 3, 8, 21):
        expected = np.resize(golden.probabilities, (rows, golden.probabilities.shape[1]))
        np.testing.assert_allclose(model(golden.rows(rows)), expected, rtol=0, atol=golden.tolerance)


def test_rows_run_padded_where_a_call_would_cost_more() -> None:
    """Fifteen as sixteen, seventeen as sixteen and one."""
    first = calls((1, 4, 16, 32))
    assert first[15] == first[17] == 16
    assert first[6] == 4
    assert first[1] == 1
