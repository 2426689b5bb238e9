"""OpenAPI descriptions of the protocol's routes, with real examples: golden series and their answers."""

from __future__ import annotations

import json
import re
from typing import Any

from app.api import parameters, problems
from app.api.dialects.v2.codec import BINARY, V2Codec
from app.api.dialects.v2.documents import model_document
from app.api.dialects.v2.model.metadata import ModelMetadata, metadata_of
from app.api.headers import COMMON_HEADERS
from app.api.payloads import JSON
from app.contract import Artifact
from app.inference.predictions import Batch, BatchSlice, Postprocessor

_SERIES = 2
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "What is wrong, where, and what to do."}},
}
_ERRORS = {
    400: "The request is not valid, or not what the model takes.",
    404: "The model or the version is not loaded.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The Content-Encoding is not supported.",
    500: "The engine failed.",
    503: "Not ready, or too many requests: retry after Retry-After seconds.",
    504: "The deadline passed.",
}
_DESCRIPTION = """\
Class probabilities of one or more series, by the Open Inference Protocol. With the header
`Inference-Header-Content-Length`, binary tensor data follow the JSON; if it is 0, the body is the data of one
series. The response has the requested outputs in the model's order; all if none is requested.
"""
_HEADER_LENGTH = {
    "name": "Inference-Header-Content-Length",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"},
    "description": "Bytes of JSON before binary tensor data, before compression.",
}
_PROBES = ("/live", "/ready")


def infer(path: str, summary: str) -> dict[str, Any]:
    """Arguments of a route of predictions."""
    return {
        "summary": summary,
        "description": _DESCRIPTION,
        "tags": ["V2"],
        "responses": _errors(*_ERRORS),
        "openapi_extra": {"parameters": [*_path_parameters(path), _HEADER_LENGTH, parameters.TIMEOUT]},
    }


def described(path: str, summary: str) -> dict[str, Any]:
    """Arguments of another route."""
    statuses = [*([404] if "{name}" in path else []), *([503] if path.endswith(_PROBES) else [])]
    return {
        "summary": summary,
        "openapi_extra": {"parameters": _path_parameters(path)},
        "responses": {
            **problems.of_connection(),
            **_errors(*statuses),
            200: {
                "description": "In the protocol's form.",
                "headers": COMMON_HEADERS,
                "content": {JSON: {"schema": {}}},
            },
        },
    }


def describe(document: dict[str, Any], artifact: Artifact, codec: V2Codec, *, max_series: int) -> None:
    """Complete the routes of predictions and of metadata with the model's tensors and examples.

    Args:
        document: of the app.
        artifact: of the version that serves.
        codec: of that version.
        max_series: most series in a request.
    """
    contract = artifact.contract
    metadata = metadata_of(contract, (str(contract.version),))
    for path, operations in document["paths"].items():
        if path.startswith("/v2/models/{name}") and path.endswith("/infer"):
            operations["post"]["requestBody"] = _request(artifact, metadata, max_series)
            operations["post"]["responses"]["200"] = _response(artifact, codec)
        elif path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
            operations["get"]["responses"]["200"]["content"][JSON]["example"] = json.loads(
                json.dumps(model_document(metadata))
            )


def _request(artifact: Artifact, metadata: ModelMetadata, max_series: int) -> dict[str, Any]:
    series = artifact.golden.series[:_SERIES]
    (tensor,) = metadata.inputs
    sizes = "] or [n, ".join(
        ", ".join(map(str, shape)) for shape in artifact.contract.input.spec.taken_shapes
    )
    example = {
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": [len(series), *tensor.shape[1:]],
                "data": [round(value, 4) for value in series.ravel().tolist()],
            }
        ],
        "outputs": [{"name": spec.name} for spec in metadata.outputs],
    }
    return {
        "required": True,
        "description": (
            f"One input, `{tensor.name}`: shape [n, {sizes}], n from 1 to {max_series}. FP32 or other "
            "numbers. The header Content-Type is not read."
        ),
        "content": {
            JSON: {"schema": _schema(tensor.name), "example": example},
            BINARY: {"schema": {"type": "string", "format": "binary"}},
        },
    }


def _schema(name: str) -> dict[str, Any]:
    tensor = {
        "type": "object",
        "required": ["name", "datatype", "shape", "data"],
        "properties": {
            "name": {"const": name},
            "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "data": {"type": "array", "items": {}, "description": "Flat, or nested as the shape says."},
        },
    }
    output = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "parameters": {"type": "object"}},
    }
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": {
                "type": "object",
                "properties": {
                    "timeout": {"type": "integer", "minimum": 0, "description": "Microseconds; 0 for none."},
                    "binary_data_output": {"type": "boolean"},
                },
            },
            "inputs": {"type": "array", "items": tensor, "minItems": 1, "maxItems": 1},
            "outputs": {"type": "array", "items": output, "maxItems": 64},
        },
    }


def _response(artifact: Artifact, codec: V2Codec) -> dict[str, Any]:
    golden = artifact.golden
    predictions = Postprocessor(artifact.contract)(golden.series[:_SERIES], golden.answers[:_SERIES])
    part = BatchSlice(Batch(lambda: predictions, [len(predictions)]), slice(0, len(predictions)))
    return {
        "description": "The outputs, in order of the series.",
        "headers": COMMON_HEADERS,
        "content": {
            JSON: {"schema": {"type": "object"}, "example": json.loads(codec.document(part))},
            BINARY: {"schema": {"type": "string", "format": "binary"}},
        },
    }


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Errors in the protocol's form; some may also come from the connection, as problem documents."""
    others = problems.of_connection()
    return {
        status: {
            "description": _ERRORS[status],
            "headers": COMMON_HEADERS,
            "content": {**others.get(status, {}).get("content", {}), JSON: {"schema": _ERROR}},
        }
        for status in statuses
    }


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
