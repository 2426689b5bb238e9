"""The dialect: its paths, its options, and its form of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic_core import to_json

from app.api.dialects.base import Dialect, Encoded, Limits, PredictOptions, ServerState, encoded
from app.api.dialects.v1 import errors, openapi, status
from app.api.dialects.v1.addresses import EXPLANATIONS, METHODS, PREDICT, method_of, version_of
from app.api.dialects.v1.codec import V1Codec
from app.api.headers import RequestHead
from app.api.parameters import timeout_of
from app.api.payloads import JSON, explanation_documents
from app.api.problems import ErrorInfo
from app.contract import Artifact, Contract
from app.inference.explanation import Explanations

# Described by `openapi.py`, for each method.
_HIDDEN: Mapping[str, Any] = {"include_in_schema": False}


class V1(Dialect):
    """TensorFlow Serving's REST protocol and KServe V1."""

    name = "v1"
    prefix = "/v1"
    # Status and readiness of a model; its metadata and the list of models need a key.
    public = r"/v1/models/[^/:]+(/(versions|labels)/[^/:]+)?"
    routes: Mapping[str, Mapping[str, Any]] = dict.fromkeys(METHODS, _HIDDEN)
    explain_routes: Mapping[str, Mapping[str, Any]] = dict.fromkeys(EXPLANATIONS, _HIDDEN)

    def router(self, state: ServerState) -> APIRouter:
        """List, status and readiness, metadata, and liveness at `/`."""
        return status.create_router(state.versions)

    def is_open(self, method: str, path: str, head: RequestHead) -> bool:
        """Whether a request is a probe of liveness: at `/`, where browsers get the page."""
        return status.is_liveness_probe(method, path, head)

    def describe(self, document: dict[str, Any], artifact: Artifact, *, max_instances: int) -> None:
        """Add the paths of this protocol."""
        openapi.describe(document, artifact, max_instances=max_instances)

    def options(self, head: RequestHead, limits: Limits) -> PredictOptions:
        """Model, version and method of a path, and the timeout.

        Raises:
            PayloadError: one of them is invalid, unknown or not offered.
        """
        parameters = head.parameters
        # A path of explanations has no such parameter; their bodies are those of predictions.
        method = method_of(parameters) if "method" in parameters else PREDICT
        return PredictOptions(
            model=parameters["name"],
            version=version_of(parameters),
            timeout=timeout_of(head, most=limits.timeout),
            other=method,
        )

    def codec(self, contract: Contract, *, max_instances: int) -> V1Codec:
        """The codec for one version."""
        return V1Codec(contract, max_instances=max_instances)

    def encode_explanations(
        self, explanations: Explanations, contract: Contract, _options: PredictOptions
    ) -> Encoded:
        """`{"explanations": [...]}`, an object for each series."""
        found = {"explanations": explanation_documents(explanations, contract)}
        return encoded(to_json(found), JSON)

    def encode_error(self, info: ErrorInfo, *, request_id: str, root_path: str) -> Encoded:  # noqa: ARG002 - X-Request-Id has it
        """`{"error": words}`."""
        return errors.encode_error(info)
