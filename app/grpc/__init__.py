"""The Open Inference Protocol over gRPC: an extra, imported only where GRPC_PORT is set.

| module | what |
|---|---|
| `server` | listens, stops in step with HTTP |
| `calls` | what every call has in common: key, message, errors, record |
| `infer`, `messages` | predictions: the steps of `app.api.predict`, messages to series and back |
| `models`, `health` | all other methods |
| `generated` | the protocol, `inference.proto`, and the modules that `make grpc` generates from it |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.errors import GrpcUnavailable

if TYPE_CHECKING:
    from app.grpc.server import GrpcServer

__all__ = ["create_server"]


def create_server(*args: Any, **options: Any) -> GrpcServer:
    """Make the gRPC server of a process; arguments as `app.grpc.assembly.assemble` takes them.

    Raises:
        GrpcUnavailable: the extra is not installed.
    """
    try:
        from app.grpc.assembly import assemble
    except ImportError as error:
        raise GrpcUnavailable(
            f"GRPC_PORT needs the extra grpc ({error}); install requirements/extras/grpc.txt in the server's "
            "environment, or do not set GRPC_PORT"
        ) from error
    return assemble(*args, **options)
