"""OpenAPI descriptions of the bodies of `/predict`, `/predict/stream` and `/explain`, with examples.

The example series are golden series of the artifact, so "Try it out" in the docs works.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from app.api import parameters
from app.api.dialects.native import EXPLAIN, PREDICT
from app.api.explain_parameters import MAX_SERIES, explain_parameters
from app.api.headers import COMMON_HEADERS
from app.api.payloads import JSON, NPY, Encoders, JsonEncoder, explanation_example
from app.api.stream import openapi as stream
from app.api.stream.route import STREAM
from app.client.explanations.schemas import ExplainResponse
from app.client.schemas import PredictRequest, PredictResponse, Problem
from app.contract import Artifact
from app.inference.predictions import Postprocessor
from app.series.spec import SeriesSpec

SERIES = 2
EXPLAIN_REQUEST = "ExplainRequest"


def describe(document: dict[str, Any], artifact: Artifact, *, max_instances: int) -> None:
    """Complete an OpenAPI document with what depends on the version: series and example.

    Args:
        document: of the app.
        artifact: of the version that serves.
        max_instances: most series in a request.
    """
    components = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (PredictRequest, PredictResponse, ExplainResponse, Problem):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        components.update(schema.pop("$defs", {}))
        components[model.__name__] = schema
    spec = artifact.contract.input.spec
    components[EXPLAIN_REQUEST] = deepcopy(components[PredictRequest.__name__])
    limit(components[PredictRequest.__name__], spec, max_instances=max_instances)
    limit(components[EXPLAIN_REQUEST], spec, max_instances=min(max_instances, MAX_SERIES))
    components[EXPLAIN_REQUEST] |= {"title": EXPLAIN_REQUEST, "description": "Series to explain."}
    if PREDICT not in document["paths"]:  # PROTOCOLS does not name it
        return
    document["paths"][EXPLAIN] = document["paths"].pop(EXPLAIN)  # its route comes before those of predictions
    document["paths"][STREAM] = {"post": stream.operation(artifact)}
    predict, explain = (document["paths"][path]["post"] for path in (PREDICT, EXPLAIN))
    predict["requestBody"] = request_body(artifact, PredictRequest.__name__)
    explain["requestBody"] = request_body(artifact, EXPLAIN_REQUEST)
    predict["responses"]["200"] = response(artifact, Encoders(artifact.contract).json)
    explain["parameters"] = [*explain_parameters(artifact.contract), parameters.VERSION, parameters.TIMEOUT]
    explain["responses"]["200"] = explain_response(artifact)


def request_body(artifact: Artifact, schema: str) -> dict[str, Any]:
    """The `requestBody` of `/predict` and `/explain`.

    Args:
        artifact: of the version that serves.
        schema: name of the schema of JSON.
    """
    series = [_rounded(each) for each in artifact.golden.series[:SERIES].tolist()]
    shape = ", ".join(map(str, artifact.contract.input.spec.shape))
    return {
        "required": True,
        "description": (
            "JSON in UTF-8, with or without a byte order mark, or an array in NumPy's format; optionally "
            "compressed: `Content-Encoding: gzip` or `deflate`."
        ),
        "content": {
            JSON: {
                "schema": {"$ref": f"#/components/schemas/{schema}"},
                "example": {"instances": series},
            },
            NPY: {
                "schema": {"type": "string", "format": "binary"},
                "description": (
                    f"A NumPy array of numbers, shape (n, {shape}), as `numpy.save` writes it. Send series "
                    "with a large offset as float64: float32 has only 24 bits for offset and signal."
                ),
            },
        },
    }


def _rounded(values: Any) -> Any:
    return [_rounded(each) for each in values] if isinstance(values, list) else round(values, 4)


def limit(schema: dict[str, Any], spec: SeriesSpec, *, max_instances: int) -> None:
    """Add the shape of series and the limit to the schema of a JSON request.

    Args:
        schema: of `PredictRequest`, which is for any model; its example is removed.
        spec: of a series.
        max_instances: most series in a request.
    """
    schema.pop("examples", None)
    instances = schema["properties"]["instances"]
    instances["maxItems"] = max_instances
    # Those of `PredictRequest` may be of one channel or of several.
    items = instances["items"]["anyOf"][0]["items"]
    for size in reversed(spec.shape):
        items = {"type": "array", "items": items, "minItems": size, "maxItems": size}
    instances["items"] = items


def response(artifact: Artifact, encoder: JsonEncoder) -> dict[str, Any]:
    """The response 200 of `/predict`, with an example for the request's example."""
    golden = artifact.golden
    predictions = Postprocessor(artifact.contract)(golden.series[:SERIES], golden.answers[:SERIES])
    example = json.loads(encoder.document(predictions))
    return {
        "description": "A prediction for each series, in order.",
        "headers": COMMON_HEADERS,
        "content": {
            JSON: {
                "schema": {"$ref": f"#/components/schemas/{PredictResponse.__name__}"},
                "example": example,
            },
            NPY: {
                "schema": {"type": "string", "format": "binary"},
                "description": (
                    "The probabilities as a NumPy array, float32, shape (n, classes). With `Accept: "
                    "application/x-npy; fields=all`, all fields as a structured array of shape (n,), which "
                    "`GET /model` describes as `npy_fields`."
                ),
            },
        },
    }


def explain_response(artifact: Artifact) -> dict[str, Any]:
    """The response 200 of `/explain`."""
    return {
        "description": "An explanation of each series, in order.",
        "headers": COMMON_HEADERS,
        "content": {
            JSON: {
                "schema": {"$ref": f"#/components/schemas/{ExplainResponse.__name__}"},
                "example": explanation_example(artifact),
            },
            NPY: {
                "schema": {"type": "string", "format": "binary"},
                "description": (
                    "A structured NumPy array of shape (n,) that describes itself. Fields: `label`, "
                    "`probability` and `unlike`; for each of `time`, `frequency` and `cells` that was asked "
                    "for, such as `time`: `time_perturbation`, `time_window_starts` and `time_window_ends` "
                    "(of windows) or `frequency_band_starts` and `frequency_band_ends` (of bands), "
                    "`time_changes` and `time_importances`. Its Content-Type has the version of the model."
                ),
            },
        },
    }
