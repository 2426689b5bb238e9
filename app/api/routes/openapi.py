"""What the OpenAPI document says of the bodies of `/predict`: real series, and their real answer.

The series are golden ones of the artifact, so "Try it out" in the docs works at the first click.
"""

from __future__ import annotations

import json
from typing import Any

from app.api import answer_headers
from app.api.payloads import JSON, NPY, PredictionEncoder
from app.client.schemas import PredictRequest, PredictResponse
from app.contract import Artifact
from app.inference.predictions import Interpreter

SERIES = 2


def request_body(artifact: Artifact) -> dict[str, Any]:
    """The `requestBody` of `/predict`."""
    series = [[round(float(value), 4) for value in row] for row in artifact.golden.series[:SERIES]]
    length = artifact.contract.input.length
    return {
        "required": True,
        "description": (
            "JSON in UTF-8, with or without a byte order mark, or an array in NumPy's format; compressed if "
            "`Content-Encoding` says so: `gzip`, in one member or several, or `deflate`."
        ),
        "content": {
            JSON: {
                "schema": {"$ref": f"#/components/schemas/{PredictRequest.__name__}"},
                "example": {"instances": series},
            },
            NPY: {
                "schema": {"type": "string", "format": "binary"},
                "description": (
                    f"A NumPy array of numbers, shape (n, {length}), as `numpy.save` writes it. Send series "
                    "with a large offset as float64: float32 has 24 bits for both."
                ),
            },
        },
    }


def limit(schema: dict[str, Any], *, length: int, max_instances: int) -> None:
    """Put into the schema of a JSON request what one model and this server make of it.

    Args:
        schema: of `PredictRequest`, which is for any model; its example, for no model, is taken out.
        length: of a series.
        max_instances: most series in a request.
    """
    schema.pop("examples", None)
    instances = schema["properties"]["instances"]
    instances["maxItems"] = max_instances
    instances["items"].update(minItems=length, maxItems=length)


def answer(artifact: Artifact, encode: PredictionEncoder) -> dict[str, Any]:
    """The response 200 of `/predict`, with the answer to the request's example as its example."""
    golden = artifact.golden
    said = Interpreter(artifact.contract)(golden.series[:SERIES], golden.answers[:SERIES])
    texts = encode.rows(said.probabilities, said.label_sets, said.ood_scores, said.warnings)
    example = json.loads(encode.document(texts))
    return {
        "description": "A prediction for each series, in order.",
        "headers": answer_headers.EVERY,
        "content": {
            JSON: {
                "schema": {"$ref": f"#/components/schemas/{PredictResponse.__name__}"},
                "example": example,
            },
            NPY: {
                "schema": {"type": "string", "format": "binary"},
                "description": "The probabilities as a NumPy array, float32, shape (n, classes).",
            },
        },
    }
