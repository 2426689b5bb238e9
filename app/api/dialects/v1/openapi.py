"""The protocol's part of the OpenAPI document, with real requests and responses.

The example series are golden series of the artifact, so "Try it out" in the docs works.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from app import errors
from app.api import parameters
from app.api.dialects.v1.addresses import CLASSIFY, EXPLAIN, LABEL, MODELS, PREDICT, TARGETS
from app.api.dialects.v1.answers import Answers
from app.api.dialects.v1.errors import status_of
from app.api.dialects.v1.signature import INPUT, metadata
from app.api.explain_parameters import explain_parameters
from app.api.headers import COMMON_HEADERS, RETRY_HEADERS
from app.api.payloads import JSON, explanation_example
from app.api.problems import kind_of, of_connection
from app.contract import Artifact, Contract
from app.inference.predictions import Batch, BatchSlice, Postprocessor, Prediction
from app.series.offset import FLOAT32_END

_SERIES = 2
_TAGS = ["TensorFlow Serving and KServe V1"]
_ERROR = "V1Error"
_RAISED = (
    errors.MalformedPayload,
    errors.UnknownModel,
    errors.SlowPayload,
    errors.PayloadTooLarge,
    errors.UnsupportedMediaType,
    errors.QueueFull,
    errors.ClientClosed,
    errors.EngineError,
    errors.DeadlineExceeded,
)
_UNREADY = (errors.UnknownModel, errors.NotReady)

_PREDICT = f"""\
Classify series: TensorFlow Serving's row form (`instances` to `predictions`) and column form (`inputs` to
`outputs`). A series stands alone or in an object as `{INPUT}`.

An integer beyond 2**24 - 1 and a decimal number beyond float32 are refused, as by TensorFlow Serving.
NaN and Infinity are read, and refused with their place: the model takes finite numbers.
"""
_CLASSIFY = f"""\
Label and probability of each class for examples whose feature `{INPUT}` is a flat list of a series' values.
"""
_EXPLAIN = """\
KServe's method: how the probability of a label changes when parts of a series are perturbed. The body is that
of `:predict`, and each explanation is one of `POST /explain`.
"""
_STATUS = """\
TensorFlow Serving's status and KServe's readiness. The status is 503 unless the version is ready.
No API key is needed.
"""


def describe(document: dict[str, Any], artifact: Artifact, *, max_instances: int) -> None:
    """Add the paths of this protocol to an OpenAPI document.

    Args:
        document: of the app.
        artifact: of the version that serves.
        max_instances: most series in a request.
    """
    contract, paths = artifact.contract, document["paths"]
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas[_ERROR] = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string", "description": "What is wrong, where, and what to do."}},
    }
    status = {
        "name": contract.name,
        "ready": True,
        "model_version_status": [
            {
                "version": str(contract.version),
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ],
    }
    paths[MODELS] = {"get": _operation("List models", "KServe's list.", {"models": [contract.name]})}
    for target in TARGETS:
        named = _parameters(target, contract)
        for method, summary, text, requests, example in _methods(artifact, max_instances):
            paths[f"{target}:{method}"] = {
                "post": {
                    **_operation(summary, text, example),
                    "parameters": [*named, parameters.TIMEOUT],
                    "requestBody": requests,
                }
            }
        body = paths[f"{target}:{PREDICT}"]["post"]["requestBody"]
        paths[f"{target}:{EXPLAIN}"] = {"post": _explain(named, body, artifact)}
        found = _operation("Status and readiness", _STATUS, status, not_ready=True)
        paths[target] = {"get": {**found, "parameters": named}}
        found = _operation("Metadata", "Inputs and outputs of the signature.", metadata(contract))
        paths[f"{target}/metadata"] = {"get": {**found, "parameters": named}}


def _methods(
    artifact: Artifact, max_instances: int
) -> list[tuple[str, str, str, dict[str, Any], dict[str, Any]]]:
    """Method, summary, description, `requestBody` and example response of each."""
    series = np.round(artifact.golden.series[:_SERIES].astype(np.float64), 4)
    answers, prediction = Answers(artifact.contract), _golden_prediction(artifact)

    def example(write: Callable[[Prediction], bytes]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(write(prediction))
        return found

    rows, flat = series.tolist(), series.reshape(len(series), -1).tolist()
    list_of = {"type": "array", "minItems": 1, "maxItems": max_instances}
    spec = artifact.contract.input.spec
    one, named, example_of = _series(spec.shape), _named(spec.shape), _named((spec.values,))
    columns = {**list_of, "items": one}
    predicted = {
        "rows": {"instances": rows},
        "rows by name": {"instances": [{INPUT: row} for row in rows]},
        "columns": {"inputs": rows},
        "columns by name": {"inputs": {INPUT: rows}},
    }
    predict_schema = {
        "type": "object",
        "properties": {
            "signature_name": {"type": "string", "enum": ["", "serving_default"]},
            "instances": {"description": "Rows.", "anyOf": [columns, {**list_of, "items": named}]},
            "inputs": {
                "description": f"Columns: a list of series, or an object with it as `{INPUT}`.",
                "anyOf": [columns, {"type": "object", "required": [INPUT], "properties": {INPUT: columns}}],
            },
        },
        "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
    }
    classify_schema = {
        "type": "object",
        "required": ["examples"],
        "properties": {"examples": {**list_of, "items": {**example_of, "additionalProperties": True}}},
    }
    classified = {"examples": {"examples": [{INPUT: values} for values in flat]}}
    return [
        (PREDICT, "Predict", _PREDICT, _body(predict_schema, predicted), example(answers.rows)),
        (CLASSIFY, "Classify", _CLASSIFY, _body(classify_schema, classified), example(answers.results)),
    ]


def _explain(named: list[dict[str, Any]], body: dict[str, Any], artifact: Artifact) -> dict[str, Any]:
    """The operation of explanations, whose body is that of predictions."""
    example = {"explanations": explanation_example(artifact)["explanations"]}
    return {
        **_operation("Explain", _EXPLAIN, example),
        "parameters": [*named, *explain_parameters(artifact.contract), parameters.TIMEOUT],
        "requestBody": body,
    }


def _series(shape: tuple[int, ...]) -> dict[str, Any]:
    """The schema of a series."""
    schema: dict[str, Any] = {
        "type": "number",
        "exclusiveMinimum": -FLOAT32_END,
        "exclusiveMaximum": FLOAT32_END,
    }
    for size in reversed(shape):
        schema = {"type": "array", "items": schema, "minItems": size, "maxItems": size}
    return schema


def _named(shape: tuple[int, ...]) -> dict[str, Any]:
    """The schema of an object with a series."""
    properties = {INPUT: _series(shape)}
    return {
        "type": "object",
        "required": [INPUT],
        "properties": properties,
        "additionalProperties": False,
    }


def _golden_prediction(artifact: Artifact) -> Prediction:
    """The prediction for the example series, from the golden answers."""
    golden = artifact.golden
    predictions = Postprocessor(artifact.contract)(golden.series[:_SERIES], golden.answers[:_SERIES])
    batch = Batch(lambda: predictions, [_SERIES])
    return Prediction(BatchSlice(batch, slice(0, _SERIES)), None, None, 0.0, 0.0, _SERIES)


def _body(schema: Mapping[str, Any], examples: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {JSON: {"schema": schema, "examples": named}}}


def _operation(summary: str, description: str, example: Any, *, not_ready: bool = False) -> dict[str, Any]:
    """An operation with its response 200 and its errors."""
    responses: dict[str, Any] = {str(status): response for status, response in of_connection().items()}
    kinds = [kind_of(error("")) for error in (_UNREADY if not_ready else _RAISED)]
    for kind in kinds:
        retried = RETRY_HEADERS if kind.status == 429 else {}
        found = responses.setdefault(
            str(status_of(kind)),
            {"description": kind.title, "headers": {**COMMON_HEADERS, **retried}, "content": {}},
        )
        found["content"][JSON] = {"schema": {"$ref": f"#/components/schemas/{_ERROR}"}}
    responses["200"] = {
        "description": summary,
        "headers": COMMON_HEADERS,
        "content": {JSON: {"schema": {"type": "object"}, "example": example}},
    }
    return {"tags": _TAGS, "summary": summary, "description": description, "responses": responses}


def _parameters(template: str, contract: Contract) -> list[dict[str, Any]]:
    """The parameters of a path."""
    described = {
        "name": {"type": "string", "enum": [contract.name]},
        "version": {"type": "integer", "minimum": 1, "example": contract.version},
        "label": {"type": "string", "enum": [LABEL]},
    }
    names = re.findall(r"{(\w+)}", template)
    return [{"name": name, "in": "path", "required": True, "schema": described[name]} for name in names]
