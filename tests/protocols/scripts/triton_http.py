"""tritonclient over HTTP for threads, and with greenlets for requests at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tritonclient.http

from tests.protocols.scripts.observe import Observation, Target, run
from tests.protocols.scripts.triton import Triton, over


def compressed(
    request: str | None, response: str | None, *, binary: bool = True
) -> Callable[[Triton], Observation]:
    """An inference whose request or response is compressed."""

    def scenario(triton: Triton) -> Observation:
        options: dict[str, Any] = {
            "request_compression_algorithm": request,
            "response_compression_algorithm": response,
        }
        outputs = [triton.output("probabilities", binary=binary)]
        return triton.infer(40, binary=binary, outputs=outputs, **options)

    return scenario


def text(triton: Triton) -> Observation:
    """JSON both ways."""
    names = ["probabilities", "label"]
    return triton.infer(2, binary=False, outputs=[triton.output(name, binary=False) for name in names])


def mixed(triton: Triton) -> Observation:
    """JSON in, one output of the response in binary."""
    outputs = [triton.output("probabilities", binary=True), triton.output("label", binary=False)]
    return triton.infer(2, binary=False, outputs=outputs)


HTTP: dict[str, Callable[[Triton], Observation]] = {
    "infer JSON": text,
    "infer mixed": mixed,
    "infer JSON input": lambda t: t.infer(2, binary=False),
    "infer classes JSON": lambda t: t.infer(2, outputs=[t.output("probabilities", binary=False, classes=2)]),
    **{
        f"infer {coding} {form}": compressed(coding, None, binary=form == "binary")
        for coding in ("gzip", "deflate")
        for form in ("binary", "JSON")
    },
    **{
        f"infer answer {coding} {form}": compressed(None, coding, binary=form == "binary")
        for coding in ("gzip", "deflate")
        for form in ("binary", "JSON")
    },
}


def connect(target: Target) -> Triton:
    """The client, with as many connections as the target's requests."""
    client = tritonclient.http.InferenceServerClient(target.http, concurrency=max(4, target.count))
    return Triton(tritonclient.http, client, target)


if __name__ == "__main__":
    run(over(HTTP, connect))
