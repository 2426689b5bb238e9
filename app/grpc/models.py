"""The methods about the server and its model: liveness, readiness, metadata, statistics, index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from app.api.dialects.v2.model import metadata
from app.api.dialects.v2.model.inputs import TensorSpec
from app.api.dialects.v2.model.statistics import Duration, model_statistics
from app.errors import NotReady, UnknownModel
from app.grpc.calls import Call, Calls
from app.grpc.generated import inference_pb2 as pb
from app.grpc.infer import SERVICE
from app.grpc.server import Handler
from app.inference.versions import ModelVersions
from app.telemetry.metrics import Metrics

# Liveness and readiness.
_OPEN = ("ServerLive", "ServerReady", "ModelReady")


class Models:
    """Reports state and metadata of the server and its model.

    Args:
        calls: makes handlers.
        versions: of the model.
        metrics: of all workers.
    """

    def __init__(self, calls: Calls, versions: ModelVersions, metrics: Metrics) -> None:
        self._calls = calls
        self._versions = versions
        self._metrics = metrics

    def methods(self) -> dict[str, Handler]:
        """The handlers."""
        answers: dict[str, Callable[[Call], Awaitable[bytes]]] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelStatistics": self._model_statistics,
            "RepositoryIndex": self._repository_index,
            "RepositoryModelLoad": self._refuse_loading,
            "RepositoryModelUnload": self._refuse_loading,
        }
        return {
            f"{SERVICE}/{name}": self._calls.unary(f"{SERVICE}/{name}", answer, is_open=name in _OPEN)
            for name, answer in answers.items()
        }

    async def _server_live(self, call: Call) -> bytes:
        await self._calls.read(call, pb.ServerLiveRequest)
        return pb.ServerLiveResponse(live=self._versions.status().alive).SerializeToString()

    async def _server_ready(self, call: Call) -> bytes:
        await self._calls.read(call, pb.ServerReadyRequest)
        return pb.ServerReadyResponse(ready=self._versions.status().ready).SerializeToString()

    async def _model_ready(self, call: Call) -> bytes:
        request = await self._calls.read(call, pb.ModelReadyRequest)
        try:
            is_ready = metadata.is_ready(self._versions, request.name, request.version)
        except UnknownModel:  # no error, as in Triton
            is_ready = False
        return pb.ModelReadyResponse(ready=is_ready).SerializeToString()

    async def _server_metadata(self, call: Call) -> bytes:
        await self._calls.read(call, pb.ServerMetadataRequest)
        return pb.ServerMetadataResponse(
            name=metadata.SERVER_NAME,
            version=metadata.version_of_server(),
            # ModelConfig is not in this server's protocol file.
            extensions=[name for name in metadata.EXTENSIONS if name != metadata.CONFIGURATION],
        ).SerializeToString()

    async def _model_metadata(self, call: Call) -> bytes:
        request = await self._calls.read(call, pb.ModelMetadataRequest)
        found = metadata.model_metadata(self._versions, request.name, request.version)
        return pb.ModelMetadataResponse(
            name=found.name,
            versions=found.versions,
            platform=found.platform,
            inputs=_tensors(found.inputs),
            outputs=_tensors(found.outputs),
        ).SerializeToString()

    async def _model_statistics(self, call: Call) -> bytes:
        request = await self._calls.read(call, pb.ModelStatisticsRequest)
        found = model_statistics(self._versions, self._metrics, request.name or None, request.version or None)
        return pb.ModelStatisticsResponse(
            model_stats=[
                pb.ModelStatistics(
                    name=each.name,
                    version=each.version,
                    last_inference=each.last_inference,
                    inference_count=each.inference_count,
                    execution_count=each.execution_count,
                    inference_stats=pb.InferStatistics(
                        success=_duration(each.success),
                        fail=_duration(each.fail),
                        queue=_duration(each.queue),
                        compute_input=_duration(each.compute_input),
                        compute_infer=_duration(each.compute_infer),
                        compute_output=_duration(each.compute_output),
                        cache_hit=_duration(each.cache_hit),
                        cache_miss=_duration(each.cache_miss),
                    ),
                )
                for each in found
            ]
        ).SerializeToString()

    async def _repository_index(self, call: Call) -> bytes:
        request = await self._calls.read(call, pb.RepositoryIndexRequest)
        found = metadata.repository_index(self._versions, only_ready=request.ready)
        return pb.RepositoryIndexResponse(
            models=[pb.RepositoryIndexResponse.ModelIndex(**entry._asdict()) for entry in found]
        ).SerializeToString()

    async def _refuse_loading(self, _call: Call) -> bytes:
        raise NotReady(metadata.NOT_LOADED_HERE)  # the status that Triton refuses it with


def _tensors(specs: Iterable[TensorSpec]) -> list[pb.ModelMetadataResponse.TensorMetadata]:
    return [
        pb.ModelMetadataResponse.TensorMetadata(name=name, datatype=datatype, shape=shape)
        for name, datatype, shape in specs
    ]


def _duration(duration: Duration) -> pb.StatisticDuration:
    return pb.StatisticDuration(count=duration.count, ns=duration.ns)
