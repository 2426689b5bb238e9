"""KServe's client: V1 and V2 over REST, and V2 over gRPC."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

from tests.protocols.scripts.observe import Observation, Target, run

Scenario = Callable[[Target], Observation]


def _rest(protocol: str, ask: Callable[[InferenceRESTClient, Target], Awaitable[Any]]) -> Scenario:
    """A scenario of the REST client; `verify` would read certificates for each, which takes long."""

    def scenario(target: Target) -> Observation:
        async def asked() -> Any:
            async with InferenceRESTClient(RESTConfig(protocol=protocol, verify=False)) as client:
                try:
                    return await ask(client, target)
                except httpx.HTTPStatusError as error:
                    return {
                        "raises": "HTTPStatusError",
                        "says": str(error),
                        "status": error.response.status_code,
                    }

        return asyncio.run(asked())

    return scenario


def _grpc(ask: Callable[[InferenceGRPCClient, Target], Awaitable[Any]]) -> Scenario:
    """A scenario of the gRPC client."""

    def scenario(target: Target) -> Observation:
        async def asked() -> Any:
            async with InferenceGRPCClient(target.grpc, retries=target.count) as client:
                return await ask(client, target)

        return asyncio.run(asked())

    return scenario


def _request(target: Target, *, model: str = "", count: int = 2, binary: bool) -> InferRequest:
    values = target.series(count)
    tensor = InferInput(target.input, list(values.shape), "FP32")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return InferRequest(model or target.model, [tensor], request_id="order-66")


def _read(response: Any) -> Observation:
    outputs = {
        output.name: {
            "datatype": output.datatype,
            "shape": [int(size) for size in output.shape],
            "values": output.as_numpy().tolist(),
        }
        for output in response.outputs
    }
    version, number = response.model_version, response.id
    return {"model": response.model_name, "version": version, "id": number, "outputs": outputs}


def _v2(*, model: str = "", count: int = 2, binary: bool = False) -> Scenario:
    async def ask(client: InferenceRESTClient, target: Target) -> Any:
        name, headers = model or target.model, dict(target.headers)
        request = _request(target, model=name, count=count, binary=binary)
        return _read(await client.infer(f"http://{target.http}", request, model_name=name, headers=headers))

    return _rest("v2", ask)


def _v2_grpc(*, model: str = "", count: int = 2, raw: bool = True) -> Scenario:
    async def ask(client: InferenceGRPCClient, target: Target) -> Any:
        request = _request(target, model=model, count=count, binary=raw)
        return _read(await client.infer(request, headers=_metadata(target)))

    return _grpc(ask)


def _metadata(target: Target) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in target.headers.items())


def _v1(body: Callable[[Target], Mapping[str, Any]], *, model: str = "", explain: bool = False) -> Scenario:
    async def ask(client: InferenceRESTClient, target: Target) -> Any:
        address, name = f"http://{target.http}", model or target.model
        headers = dict(target.headers)
        if explain:
            return await client.explain(address, name, dict(body(target)), headers=headers)
        return await client.infer(address, dict(body(target)), model_name=name, headers=headers)

    return _rest("v1", ask)


def _probe(protocol: str, method: str, *arguments: str) -> Scenario:
    async def ask(client: InferenceRESTClient, target: Target) -> Any:
        given = [target.model if argument == "model" else argument for argument in arguments]
        return await getattr(client, method)(f"http://{target.http}", *given)

    return _rest(protocol, ask)


def _probe_grpc(method: str, *arguments: str) -> Scenario:
    async def ask(client: InferenceGRPCClient, target: Target) -> Any:
        given = [target.model if argument == "model" else argument for argument in arguments]
        return await getattr(client, method)(*given)

    return _grpc(ask)


def _instances(target: Target, count: int = 2) -> Mapping[str, Any]:
    return {"instances": target.series(count).tolist()}


def _with_nan(target: Target) -> Mapping[str, Any]:
    series = target.series(1).astype(float).tolist()
    series[0][3] = None
    return {"instances": series}


def _overload(target: Target) -> Observation:
    """Many V1 requests at the same time."""

    async def ask() -> list[Any]:
        limits = httpx.Limits(max_connections=target.count)
        transport = httpx.AsyncHTTPTransport(limits=limits, verify=False)
        config = RESTConfig(protocol="v1", transport=transport, verify=False)
        async with InferenceRESTClient(config) as client:
            body = dict(_instances(target, 1))
            calls = [
                client.infer(f"http://{target.http}", body, model_name=target.model)
                for _ in range(target.count)
            ]
            return await asyncio.gather(*calls, return_exceptions=True)

    return [str(found) if isinstance(found, Exception) else "answered" for found in asyncio.run(ask())]


V1: Mapping[str, Scenario] = {
    "v1 live": _probe("v1", "is_server_live"),
    "v1 model ready": _probe("v1", "is_model_ready", "model"),
    "v1 unknown model ready": _probe("v1", "is_model_ready", "nothing"),
    "v1 predict": _v1(_instances),
    "v1 predict columns": _v1(lambda target: {"inputs": target.series(2).tolist()}),
    "v1 unknown model": _v1(_instances, model="nothing"),
    "v1 error number": _v1(_with_nan),
    "v1 error length": _v1(lambda _: {"instances": [[1.0, 2.0]]}),
    "v1 error empty": _v1(lambda _: {"instances": []}),
    "v1 explain": _v1(_instances, explain=True),
}
V2: Mapping[str, Scenario] = {
    "v2 live": _probe("v2", "is_server_live"),
    "v2 ready": _probe("v2", "is_server_ready"),
    "v2 model ready": _probe("v2", "is_model_ready", "model"),
    "v2 unknown model ready": _probe("v2", "is_model_ready", "nothing"),
    "v2 infer JSON": _v2(),
    "v2 infer binary": _v2(binary=True),
    "v2 unknown model": _v2(model="nothing"),
    "v2 too many series": _v2(count=300, binary=True),
}
GRPC: Mapping[str, Scenario] = {
    "grpc live": _probe_grpc("is_server_live"),
    "grpc ready": _probe_grpc("is_server_ready"),
    "grpc model ready": _probe_grpc("is_model_ready", "model"),
    "grpc unknown model ready": _probe_grpc("is_model_ready", "nothing"),
    "grpc infer raw": _v2_grpc(),
    "grpc infer contents": _v2_grpc(raw=False),
    "grpc unknown model": _v2_grpc(model="nothing"),
    "grpc too many series": _v2_grpc(count=300),
}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # it logs each error with its trace
    np.seterr(all="ignore")
    run({**V1, **V2, **GRPC, "v1 overload": _overload})
