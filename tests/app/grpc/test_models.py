"""`app.grpc.models`: what the server reports of itself and of its model."""

from __future__ import annotations

import asyncio

from grpc import StatusCode

from app.api.dialects.v2.model.metadata import CONFIGURATION, EXTENSIONS
from app.contract import Artifact
from app.grpc.generated import inference_pb2 as pb
from app.version import server_version
from tests.app.grpc.played import playing, raw_request, refusal, series


def test_liveness_and_readiness(plain_artifact: Artifact) -> None:
    """Ready only while requests are answered; an unknown model or version is not ready, and no error."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            stub = played.stub
            assert (await stub.ServerLive(pb.ServerLiveRequest())).live
            for is_ready in (True, False):
                assert (await stub.ServerReady(pb.ServerReadyRequest())).ready is is_ready
                for version, expected in (("", is_ready), ("4", is_ready), ("2", False), ("x", False)):
                    request = pb.ModelReadyRequest(name="forda", version=version)
                    assert (await stub.ModelReady(request)).ready is expected
                assert not (await stub.ModelReady(pb.ModelReadyRequest(name="other"))).ready
                played.service.drain()
            assert (await stub.ServerLive(pb.ServerLiveRequest())).live

    asyncio.run(scenario())


def test_metadata(plain_artifact: Artifact) -> None:
    """Names, versions and tensors, as over HTTP; an unknown model or version is NOT_FOUND."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            stub = played.stub
            server = await stub.ServerMetadata(pb.ServerMetadataRequest())
            assert (server.name, server.version) == ("timeseries", server_version())
            assert {*server.extensions, CONFIGURATION} == set(EXTENSIONS)
            assert CONFIGURATION not in server.extensions
            for version in ("", "4"):
                model = await stub.ModelMetadata(pb.ModelMetadataRequest(name="forda", version=version))
                assert (model.name, list(model.versions), model.platform) == ("forda", ["4"], "keras")
                assert [(each.name, each.datatype, list(each.shape)) for each in model.inputs] == [
                    ("series", "FP32", [-1, 500])
                ]
                assert [(each.name, each.datatype, list(each.shape)) for each in model.outputs] == [
                    ("probabilities", "FP32", [-1, 2]),
                    ("label", "BYTES", [-1]),
                ]
            for name, version in (("other", ""), ("", ""), ("forda", "2")):
                call = stub.ModelMetadata(pb.ModelMetadataRequest(name=name, version=version))
                assert (await refusal(call))[0] is StatusCode.NOT_FOUND

    asyncio.run(scenario())


def test_statistics(plain_artifact: Artifact) -> None:
    """Series, batches and requests of gRPC are counted; without a name, all models are reported."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            for count in (1, 3):
                await played.stub.ModelInfer(raw_request(series(*range(count))))
            played.metrics.flush()
            for name in ("", "forda"):
                found = await played.stub.ModelStatistics(pb.ModelStatisticsRequest(name=name))
                [model] = found.model_stats
                assert (model.name, model.version) == ("forda", "4")
                assert (model.inference_count, model.execution_count) == (4, 2)
                assert model.inference_stats.success.count == 2
                assert model.inference_stats.queue.count == 2
            unknown = played.stub.ModelStatistics(pb.ModelStatisticsRequest(name="other"))
            assert (await refusal(unknown))[0] is StatusCode.NOT_FOUND

    asyncio.run(scenario())


def test_repository(plain_artifact: Artifact) -> None:
    """The index lists what is loaded; loading by request is refused, with KServe's messages and Triton's."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            for ready in (False, True):
                index = await played.stub.RepositoryIndex(pb.RepositoryIndexRequest(ready=ready))
                assert [(each.name, each.version, each.state) for each in index.models] == [
                    ("forda", "4", "READY")
                ]
            for name in ("RepositoryModelLoad", "RepositoryModelUnload"):
                method = played.channel.unary_unary(f"/inference.GRPCInferenceService/{name}")
                for message in (b"\x0a\x05forda", b"\x12\x05forda", b""):
                    code, details = await refusal(method(message))
                    assert code is StatusCode.UNAVAILABLE
                    assert "cannot be loaded" in details

    asyncio.run(scenario())
