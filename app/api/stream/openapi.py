"""The OpenAPI description of `POST /predict/stream`."""

from __future__ import annotations

import json
from typing import Any

from app import errors
from app.api import parameters, problems
from app.api.headers import COMMON_HEADERS
from app.api.payloads import Encoders
from app.api.stream.options import BINARY, NDJSON, STRIDE
from app.contract import Artifact
from app.inference.predictions import Postprocessor

_ERRORS = (
    errors.MalformedPayload,
    errors.SlowPayload,
    errors.UnsupportedMediaType,
    errors.ContractViolation,
    errors.QueueFull,
    errors.EngineError,
    errors.NotReady,
    errors.DeadlineExceeded,
)
_DESCRIPTION = """\
Class probabilities of the windows of a recording of any length, while it is sent.

The response has a line of JSON for each window as soon as it is complete and computed. Read it while you
send: a client that does not is not read either, and disconnected after a while. The last line has the totals,
and is a problem document if the stream ended early; without a last line, the response is not complete.

`X-Request-Timeout` limits the wait for more of the body and for each prediction, not the whole stream.
"""


def operation(artifact: Artifact) -> dict[str, Any]:
    """The operation, with an example of its response.

    Args:
        artifact: of the version that serves.
    """
    spec = artifact.contract.input.spec
    line = "a number" if spec.channels == 1 else f"a list of {spec.channels} numbers"
    return {
        "tags": ["predictions"],
        "summary": "Classify the windows of a recording",
        "description": _DESCRIPTION,
        "operationId": "predict_stream",
        "parameters": [STRIDE, parameters.ABSTAIN, parameters.VERSION, parameters.TIMEOUT],
        "requestBody": {
            "required": True,
            "description": "A recording in chunks of any size. It must not be compressed.",
            "content": {
                NDJSON: {
                    "schema": {"type": "string"},
                    "description": f"On each line {line}: the values of one time step.",
                },
                BINARY: {
                    "schema": {"type": "string", "format": "binary"},
                    "description": f"Little-endian float32, {spec.channels} for each time step.",
                },
            },
        },
        "responses": {
            "200": {
                "description": "A line for each window, and a last line with the totals.",
                "headers": COMMON_HEADERS,
                "content": {NDJSON: {"schema": {"type": "string"}, "example": _example(artifact)}},
            },
            **{
                str(status): found
                for status, found in {**problems.of_connection(), **problems.responses(*_ERRORS)}.items()
            },
        },
    }


def _example(artifact: Artifact) -> str:
    """The response to a recording that is one golden series."""
    golden, contract = artifact.golden, artifact.contract
    predictions = Postprocessor(contract)(golden.series[:1], golden.answers[:1])
    [text] = Encoders(contract).json.series_texts(predictions)
    length = contract.input.length
    totals = {"windows": 1, "values": length, "unused_values": 0}
    count = {**totals, "model": contract.name, "version": contract.version, "stride": length}
    return f'{{"window":0,"start":0,{text[1:]}\n{json.dumps(count, separators=(",", ":"))}\n'
