"""tritonclient over HTTP for asyncio."""

from __future__ import annotations

import tritonclient.http.aio

from tests.protocols.scripts.observe import Target, run
from tests.protocols.scripts.triton import Blocking, Triton, over
from tests.protocols.scripts.triton_http import HTTP


def connect(target: Target) -> Triton:
    """The client, on a loop of its own."""
    client = Blocking(lambda: tritonclient.http.aio.InferenceServerClient(target.http))
    return Triton(tritonclient.http.aio, client, target)


if __name__ == "__main__":
    run(over(HTTP, connect))
