"""The `Dialect` protocol: the paths of a wire protocol, and how it reads requests and writes responses.

Everything else is the same for all dialects, on both request paths: limits, deadlines, API keys,
metrics, traces. To add a protocol:

1. Write one `Dialect`, as `app/api/dialects/native.py` is, and name it in `app/api/dialects/__init__.py`.
2. Keep its prefix from proxies: `_OWN_PATHS` in `app/settings/values.py`; a test compares them.
3. `tests/app/api/dialects/toy.py` is one in sixty lines. `app.api.payloads` has what most bodies need:
   `to_finite_float32` refuses what is not finite and subtracts large offsets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray

from app.api.headers import Header, RequestHead
from app.api.problems import ErrorInfo
from app.contract import Artifact, Contract
from app.errors import NotOffered
from app.inference.explanation import Explanations
from app.inference.neighbours import NeighbourOptions, Neighbours
from app.inference.predictions import Prediction, Series
from app.inference.versions import ModelVersions
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a request: series, bytes of its body, and seconds."""

    max_instances: int
    max_body_bytes: int
    timeout: float


class ServerState(NamedTuple):
    """What a dialect's other routes read: the loaded versions, the metrics of all workers, the limits."""

    versions: ModelVersions
    metrics: Metrics
    limits: Limits


class PredictOptions(NamedTuple):
    """Options of a request, from its headers and its query.

    Attributes:
        timeout: seconds.
        model: name of the model; None if the dialect's paths do not name one.
        version: of the model; None for the one that serves.
        abstain: whether a series without exactly one label in its label set gets no label.
        content_type: of the body, in the form that the dialect's `decode` takes.
        accept: media types that the client accepts, for `encode`.
        neighbours: to search for; None for nearly all requests.
        other: further options of the dialect.
    """

    timeout: float
    model: str | None = None
    version: int | None = None
    abstain: bool = False
    content_type: str | None = None
    accept: str | None = None
    neighbours: NeighbourOptions | None = None
    other: Any = None


class Encoded(NamedTuple):
    """A response without the headers that every response has.

    Attributes:
        status: of it.
        headers: names in lower case.
        content: the body.
    """

    status: int
    headers: tuple[Header, ...]
    content: bytes


class Decoded(Protocol):
    """The result of `decode`. A dialect's own class may carry more, for its `encode`."""

    @property
    def series(self) -> Series:
        """`float32[n, length]`, C-contiguous, finite."""
        ...

    @property
    def coarse(self) -> NDArray[np.bool_] | None:
        """`bool[n]`, which series get the warning `precision_lost`; None where none does."""
        ...


class Codec(Protocol):
    """A dialect for one version of the model. Subclasses of this class inherit what most dialects do."""

    def decode(self, body: Any, options: PredictOptions) -> Decoded:
        """The series of a body, all of them finite; raises a `PayloadError` where there are none.

        Args:
            body: bytes over HTTP; over gRPC the message.
            options: of the request.
        """
        ...

    def timeout(self, decoded: Decoded) -> float | None:  # noqa: ARG002 - for dialects with such bodies
        """Seconds that the body of a request allows, from its head on; None if it names no timeout."""
        return None

    def encode(self, prediction: Prediction, options: PredictOptions, decoded: Decoded) -> Encoded:
        """The response to a request."""
        ...

    def neighbour_texts(self, found: Neighbours) -> list[str]:  # noqa: ARG002 - for dialects with neighbours
        """The neighbours of each series as `encode_with_neighbours` takes them; runs on another thread."""
        raise NotOffered("this protocol has no neighbours; use POST /predict")

    def encode_with_neighbours(self, prediction: Prediction, neighbours: list[str]) -> Encoded:  # noqa: ARG002 - as above
        """The response to a request that asked for neighbours."""
        raise NotOffered("this protocol has no neighbours; use POST /predict")


class PredictionProtocol(Protocol):
    """What the steps of a prediction need of a protocol: a `Dialect` of HTTP, or gRPC."""

    def options(self, head: RequestHead, limits: Limits) -> PredictOptions:
        """Options of a request; raises a `PayloadError` if they are invalid."""
        ...

    def codec(self, contract: Contract, *, max_instances: int) -> Codec:
        """The codec for one version."""
        ...


class Dialect(PredictionProtocol, Protocol):
    """One wire protocol over HTTP. Subclasses of this class inherit what most dialects do."""

    @property
    def name(self) -> str:
        """As metrics have it, in the label `protocol`."""
        ...

    @property
    def prefix(self) -> str:
        """The path above all of its paths, such as `/v2`. Errors of all these paths have its form."""
        ...

    @property
    def public(self) -> str:
        """Regular expression of its paths that need no API key: liveness and readiness. Empty for none."""
        return ""

    @property
    def routes(self) -> Mapping[str, Mapping[str, Any]]:
        """Path templates of its predictions, all POST, with arguments of FastAPI's `add_api_route`."""
        ...

    @property
    def explain_routes(self) -> Mapping[str, Mapping[str, Any]]:
        """Path templates of its explanations, as `routes`. They take the framework's path."""
        return {}

    def encode_explanations(
        self,
        explanations: Explanations,  # noqa: ARG002 - for dialects with such routes
        contract: Contract,  # noqa: ARG002 - as above
        options: PredictOptions,  # noqa: ARG002 - as above
    ) -> Encoded:
        """The response to a request for explanations.

        Args:
            explanations: of the request's series.
            contract: of the version that made them.
            options: of the request.

        Raises:
            EngineError: a number is not finite.
            NotOffered: the dialect has no such routes.
        """
        raise NotOffered(f"the protocol {self.name} has no explanations")

    def router(self, state: ServerState) -> APIRouter:  # noqa: ARG002 - for dialects with such routes
        """Its other routes: metadata, health, statistics. They take the framework's path."""
        return APIRouter()

    def is_open(self, method: str, path: str, head: RequestHead) -> bool:  # noqa: ARG002 - as above
        """Whether a request needs no key though its path may: a probe at the path of a page, say."""
        return False

    def describe(self, document: dict[str, Any], artifact: Artifact, *, max_instances: int) -> None:  # noqa: ARG002 - as above
        """Complete an OpenAPI document with what depends on the version: its series, and real examples.

        Args:
            document: of the app.
            artifact: of the version that serves.
            max_instances: most series in a request.
        """
        return

    def encode_error(self, info: ErrorInfo, *, request_id: str, root_path: str) -> Encoded:
        """The response for an error. It must have the headers of `info`, such as Retry-After."""
        ...


def has_path(dialect: Dialect, path: str) -> bool:
    """Whether a path is a dialect's prefix or below it."""
    # A target may be no path, as in `OPTIONS *`: the empty prefix has it, too.
    return not dialect.prefix or f"{path}/".startswith(f"{dialect.prefix}/")


def encoded(
    content: bytes, media_type: str, *, status: int = 200, headers: tuple[Header, ...] = ()
) -> Encoded:
    """A response with its Content-Length and Content-Type."""
    own = ((b"content-length", b"%d" % len(content)), (b"content-type", media_type.encode()))
    return Encoded(status, (*own, *headers), content)
