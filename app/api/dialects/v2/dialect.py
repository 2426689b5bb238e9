"""The Open Inference Protocol over HTTP as a dialect: its paths, options and errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from app.api.dialects.base import Dialect, Encoded, Limits, PredictOptions, ServerState, encoded
from app.api.dialects.v2 import openapi
from app.api.dialects.v2.codec import HEADER_LENGTH, BodyForm, V2Codec
from app.api.dialects.v2.model.metadata import parse_version
from app.api.dialects.v2.routes import create_router
from app.api.headers import RequestHead
from app.api.parameters import timeout_of
from app.api.payloads import JSON
from app.api.payloads.wording import shown
from app.api.problems import ErrorInfo
from app.contract import Artifact, Contract
from app.errors import MalformedPayload

PREFIX = "/v2"
_ACCEPT_ENCODING = b"accept-encoding"
_ROUTES: Mapping[str, Mapping[str, Any]] = {
    path: openapi.infer(path, summary)
    for path, summary in (
        ("/v2/models/{name}/infer", "Classify series"),
        ("/v2/models/{name}/versions/{version}/infer", "Classify series with one version"),
    )
}
# Clients handle 400, 404 and 503, not the statuses by which the server's own protocol distinguishes further.
_STATUSES = {422: 400, 429: 503, 501: 503}


class V2(Dialect):
    """The Open Inference Protocol, version 2, in JSON and with binary tensor data."""

    name = "v2"
    prefix = PREFIX
    public = r"/v2/health/(live|ready)|/v2/models/[^/]+(/versions/[^/]+)?/ready"
    routes = _ROUTES

    def router(self, state: ServerState) -> APIRouter:
        """Health, metadata, configuration, statistics, repository index."""
        return create_router(state)

    def describe(self, document: dict[str, Any], artifact: Artifact, *, max_instances: int) -> None:
        """Complete an OpenAPI document with the model's tensors and real examples."""
        codec = self.codec(artifact.contract, max_instances=max_instances)
        openapi.describe(document, artifact, codec, max_series=max_instances)

    def options(self, head: RequestHead, limits: Limits) -> PredictOptions:
        """Options of a request.

        Raises:
            PayloadError: a header is invalid.
            UnknownModel: the version is no number.
        """
        parameters = head.parameters
        return PredictOptions(
            timeout=timeout_of(head, most=limits.timeout),
            model=parameters["name"],
            version=parse_version(parameters.get("version")),
            other=BodyForm(_json_size(head), head.joined(_ACCEPT_ENCODING)),
        )

    def codec(self, contract: Contract, *, max_instances: int) -> V2Codec:
        """The codec for one version."""
        return V2Codec(contract, max_series=max_instances)

    def encode_error(self, info: ErrorInfo, *, request_id: str, root_path: str) -> Encoded:  # noqa: ARG002 - in headers
        """An object with the message alone. Clients show it only if the Content-Type is exactly this."""
        content = json.dumps({"error": info.detail}).encode()
        status = _STATUSES.get(info.kind.status, info.kind.status)
        return encoded(content, JSON, status=status, headers=info.headers)


def _json_size(head: RequestHead) -> int | None:
    """The value of Inference-Header-Content-Length; None without it."""
    value = head.get(HEADER_LENGTH)
    if value is None:
        return None
    if head.conflicts(HEADER_LENGTH):
        raise MalformedPayload(
            "Inference-Header-Content-Length is sent more than once with different values; send it once"
        )
    # Not more digits than any body has bytes.
    if not (value.isascii() and value.isdecimal() and len(value) < 20):
        raise MalformedPayload(f"Inference-Header-Content-Length is {shown(value)!r}, not a number of bytes")
    return int(value)
