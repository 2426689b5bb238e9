"""A wire protocol in one file: lines of comma-separated values in, a label a line out."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from app.api.dialects import Codec, Decoded, Dialect, Encoded, Limits, PredictOptions, encoded
from app.api.headers import RequestHead
from app.api.parameters import timeout_of
from app.api.payloads import to_finite_float32
from app.api.problems import ErrorInfo
from app.contract import Contract
from app.errors import ContractViolation, MalformedPayload
from app.inference.predictions import Prediction


class ToyCodec(Codec):
    """For one version."""

    def __init__(self, contract: Contract, most: int) -> None:
        self.contract, self.most = contract, most

    def decode(self, body: bytes, _options: PredictOptions) -> Decoded:
        """A series a line."""
        try:
            values = np.loadtxt(io.BytesIO(body), delimiter=",", ndmin=2)
        except ValueError as error:
            raise MalformedPayload("not lines of numbers") from error
        if len(values) > self.most or values.shape[1] != self.contract.input.length:
            raise ContractViolation([("lines", "too many, or of another length than the model takes")])
        return to_finite_float32(values, is_invariant=self.contract.input.spec.is_invariant)

    def encode(self, prediction: Prediction, options: PredictOptions, _decoded: Decoded) -> Encoded:
        """A label a line, behind the name that was asked for."""
        labels = [self.contract.labels[i].name for i in prediction.predictions.probabilities.argmax(axis=1)]
        return encoded("\n".join((options.other, *labels)).encode(), "text/plain")


class Toy(Dialect):
    """The protocol."""

    name, prefix = "toy", "/toy"
    routes: Mapping[str, Mapping[str, Any]] = {"/toy/{name}/classify": {"include_in_schema": False}}

    def options(self, head: RequestHead, limits: Limits) -> PredictOptions:
        """The timeout, and the name in the path."""
        return PredictOptions(timeout_of(head, most=limits.timeout), other=head.parameters["name"])

    def codec(self, contract: Contract, *, max_instances: int) -> ToyCodec:
        """Of one version."""
        return ToyCodec(contract, max_instances)

    def encode_error(self, info: ErrorInfo, *, request_id: str, root_path: str) -> Encoded:
        """A line."""
        line = f"{info.kind.slug}: {info.detail} ({request_id}{root_path})"
        return encoded(line.encode(), "text/x-error", status=info.kind.status, headers=info.headers)
