"""Scenarios for tritonclient, which `triton_http` and its three siblings run.

The client has four forms: HTTP and gRPC, each for threads and for asyncio. Their methods have the same
names, so a scenario is written once; an asyncio client is called through `Blocking`.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from queue import Queue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.protocols.scripts.observe import Observation, Target, failure


class Blocking:
    """An asyncio client whose calls wait, on a loop of its own."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.loop = asyncio.new_event_loop()

        async def create() -> Any:
            return make()

        self.client = self.loop.run_until_complete(create())

    def __getattr__(self, name: str) -> Any:
        """One of the client's methods, as a plain call."""
        method = getattr(self.client, name)

        def call(*args: Any, **options: Any) -> Any:
            found = method(*args, **options)
            return self.loop.run_until_complete(found) if inspect.isawaitable(found) else found

        return call


class Triton:
    """One form of the client.

    Args:
        module: of the client.
        client: connected to the target.
        target: the server.
    """

    def __init__(self, module: Any, client: Any, target: Target) -> None:
        self.module, self.client, self.target = module, client, target
        self.is_http = "http" in module.__name__

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Call the client with the target's headers; messages of protobuf become JSON."""
        if not self.is_http and method.startswith("get_"):
            options["as_json"] = True
        return getattr(self.client, method)(*args, headers=dict(self.target.headers) or None, **options)

    def input(
        self, values: NDArray[Any], *, name: str = "", datatype: str = "FP32", binary: bool = True
    ) -> Any:
        """An input tensor with its values."""
        tensor = self.module.InferInput(name or self.target.input, list(values.shape), datatype)
        if self.is_http:
            tensor.set_data_from_numpy(values, binary_data=binary)
        else:
            tensor.set_data_from_numpy(values)
        return tensor

    def output(self, name: str, *, binary: bool = True, classes: int = 0) -> Any:
        """A requested output."""
        if self.is_http:
            return self.module.InferRequestedOutput(name, binary_data=binary, class_count=classes)
        return self.module.InferRequestedOutput(name, class_count=classes)

    def infer(
        self, values: NDArray[Any] | int = 2, *, model: str = "", binary: bool = True, **options: Any
    ) -> Observation:
        """What an inference returns."""
        series = self.target.series(values) if isinstance(values, int) else values
        inputs = [self.input(series, binary=binary)]
        return read(self.call("infer", model or self.target.model, inputs, **options))


def read(result: Any) -> Observation:
    """The response in one form for HTTP and gRPC."""
    document = result.get_response()
    if not isinstance(document, Mapping):
        document = result.get_response(as_json=True)
    outputs = {}
    for tensor in document["outputs"]:
        values = result.as_numpy(tensor["name"])
        outputs[tensor["name"]] = {
            "datatype": tensor["datatype"],
            "shape": [int(size) for size in tensor["shape"]],
            "values": None if values is None else [_text(value) for value in values.tolist()],
        }
    return {
        "model": document["model_name"],
        "version": document.get("model_version"),
        "id": document.get("id"),
        "outputs": outputs,
    }


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value


def _series(triton: Triton, count: int) -> NDArray[np.float32]:
    return triton.target.series(count)


def _many(triton: Triton) -> Observation:
    """As many requests as the target says at the same time: what each form has for that."""
    target = triton.target
    series = target.series(target.count)
    requests = [[triton.input(np.repeat(each[np.newaxis], target.rows, axis=0))] for each in series]
    headers = dict(target.headers) or None
    client, model = triton.client, target.model
    if isinstance(client, Blocking):

        async def ask() -> list[Any]:
            calls = [client.client.infer(model, inputs, headers=headers) for inputs in requests]
            return await asyncio.gather(*calls, return_exceptions=True)

        found = client.loop.run_until_complete(ask())
    elif triton.is_http:  # greenlets
        pending = [client.async_infer(model, inputs, headers=headers) for inputs in requests]
        found = [_result(each.get_result) for each in pending]
    else:
        found = _with_callbacks(client, model, requests, headers)
    return [failure(each) if isinstance(each, Exception) else read(each) for each in found]


def _with_callbacks(client: Any, model: str, requests: Sequence[Any], headers: Any) -> list[Any]:
    done: Queue[Any] = Queue()
    for number, each in enumerate(requests):
        client.async_infer(
            model,
            each,
            lambda result, error, number=number: done.put((number, error or result)),
            headers=headers,
        )
    return [value for _, value in sorted((done.get(timeout=60) for _ in requests), key=lambda pair: pair[0])]


def _result(get: Callable[[], Any]) -> Any:
    try:
        return get()
    except Exception as error:  # noqa: BLE001 - what the user sees
        return error


def _wrong_length(triton: Triton) -> Observation:
    return triton.infer(np.zeros((2, _series(triton, 1).shape[1] - 1), np.float32))


def _of_datatype(datatype: str, dtype: Any) -> Callable[[Triton], Observation]:
    def scenario(triton: Triton) -> Observation:
        values = np.clip(np.round(_series(triton, 1) * 10), -100, 100).astype(dtype)
        return read(triton.call("infer", triton.target.model, [triton.input(values, datatype=datatype)]))

    return scenario


def _text_input(triton: Triton) -> Observation:
    values = np.full((1, _series(triton, 1).shape[1]), b"1", np.object_)
    return read(triton.call("infer", triton.target.model, [triton.input(values, datatype="BYTES")]))


def _two_inputs(triton: Triton) -> Observation:
    one = triton.input(_series(triton, 1))
    return read(triton.call("infer", triton.target.model, [one, one]))


def _other_input(triton: Triton) -> Observation:
    return read(triton.call("infer", triton.target.model, [triton.input(_series(triton, 1), name="other")]))


def _not_finite(triton: Triton) -> Observation:
    values = _series(triton, 1).copy()
    values[0, 7] = np.nan
    return triton.infer(values)


def _outputs(*names: str, classes: int = 0) -> Callable[[Triton], Observation]:
    def scenario(triton: Triton) -> Observation:
        wanted = [triton.output(name, classes=classes) for name in names]
        return triton.infer(2, outputs=wanted)

    return scenario


def _parameters(triton: Triton) -> Observation:
    options: dict[str, Any] = {"priority": 2, "sequence_id": 7, "sequence_start": True, "timeout": 5_000_000}
    return triton.infer(1, parameters={"customer": "a", "try": 2, "is_test": True}, **options)


def _short_timeout(triton: Triton) -> Observation:
    """A microsecond, of a request that takes much longer; whatever came."""
    return triton.infer(200, timeout=1)


def _bare(triton: Triton) -> Observation:
    """An input without a dimension for the series."""
    return triton.infer(_series(triton, 1)[0])


def _configuration(triton: Triton) -> Observation:
    found = triton.call("get_model_config", triton.target.model)
    return found.get("config", found)


def _statistics(triton: Triton) -> Observation:
    """Of the model, before and after one more inference of three series."""
    found = []
    for is_after in (False, True):
        if is_after:
            triton.infer(3)
        found += triton.call("get_inference_statistics", triton.target.model)["model_stats"]
    return found


def _steadily(triton: Triton) -> Observation:
    """Requests of one series, one after the other, for the target's seconds; right answers by version."""
    series = np.load(triton.target.golden, allow_pickle=False)
    versions: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    end, place = time.monotonic() + triton.target.seconds, 0
    while time.monotonic() < end:
        place = (place + 1) % len(series["series"])
        try:
            answer = triton.infer(series["series"][place : place + 1])
        except Exception as error:  # noqa: BLE001 - what the user sees
            faults[str(error)[:200]] += 1
            continue
        (found,) = answer["outputs"]["probabilities"]["values"]
        is_right = np.allclose(found, series["probabilities"][place], rtol=0, atol=1e-3)
        versions[answer["version"] if is_right else "wrong"] += 1
    return {"versions": versions, "faults": faults}


SCENARIOS: dict[str, Callable[[Triton], Observation]] = {
    "server live": lambda t: t.call("is_server_live"),
    "server ready": lambda t: t.call("is_server_ready"),
    "model ready": lambda t: t.call("is_model_ready", t.target.model),
    "version ready": lambda t: t.call("is_model_ready", t.target.model, str(t.target.version)),
    "unknown model ready": lambda t: t.call("is_model_ready", "nothing"),
    "unknown version ready": lambda t: t.call("is_model_ready", t.target.model, "99"),
    "server metadata": lambda t: t.call("get_server_metadata"),
    "model metadata": lambda t: t.call("get_model_metadata", t.target.model),
    "version metadata": lambda t: t.call("get_model_metadata", t.target.model, str(t.target.version)),
    "unknown model metadata": lambda t: t.call("get_model_metadata", "nothing"),
    "unknown version metadata": lambda t: t.call("get_model_metadata", t.target.model, "99"),
    "configuration": _configuration,
    "index": lambda t: t.call("get_model_repository_index"),
    "load": lambda t: t.call("load_model", t.target.model),
    "unload": lambda t: t.call("unload_model", t.target.model),
    "statistics": _statistics,
    "all statistics": lambda t: t.call("get_inference_statistics"),
    "unknown statistics": lambda t: t.call("get_inference_statistics", "nothing"),
    "infer": lambda t: t.infer(),
    "infer one": lambda t: t.infer(1),
    "infer most": lambda t: t.infer(256),
    "infer id": lambda t: t.infer(1, request_id="order-66"),
    "infer version": lambda t: t.infer(1, model_version=str(t.target.version)),
    "infer parameters": _parameters,
    "infer outputs": _outputs("label", "probabilities"),
    "infer one output": _outputs("probabilities"),
    "infer no outputs": lambda t: t.infer(1, outputs=[]),
    "infer classes": _outputs("probabilities", classes=1),
    "infer too many classes": _outputs("probabilities", classes=9),
    "infer at once": _many,
    "error unknown model": lambda t: t.infer(model="nothing"),
    "error unknown version": lambda t: t.infer(model_version="99"),
    "error no version": lambda t: t.infer(model_version="first"),
    "error length": _wrong_length,
    "error no dimension": _bare,
    "error empty": lambda t: t.infer(np.zeros((0, _series(t, 1).shape[1]), np.float32)),
    "error too many series": lambda t: t.infer(300),
    "error input": _other_input,
    "error two inputs": _two_inputs,
    "error output": _outputs("nothing"),
    "error text": _text_input,
    "error not finite": _not_finite,
    "datatype FP32": _of_datatype("FP32", np.float32),
    "datatype FP64": _of_datatype("FP64", np.float64),
    "datatype FP16": _of_datatype("FP16", np.float16),
    "datatype INT32": _of_datatype("INT32", np.int32),
    "datatype INT8": _of_datatype("INT8", np.int8),
    "timeout": _short_timeout,
    "infer after": lambda t: t.infer(),
    "steadily": _steadily,
}


def over(
    more: Mapping[str, Callable[[Triton], Observation]], connect: Callable[[Target], Triton]
) -> dict[str, Callable[[Target], Observation]]:
    """The scenarios for one form, on one connection."""
    connected: list[Triton] = []

    def bound(scenario: Callable[[Triton], Observation]) -> Callable[[Target], Observation]:
        def call(target: Target) -> Observation:
            if not connected:
                connected.append(connect(target))
            return scenario(connected[0])

        return call

    return {name: bound(scenario) for name, scenario in (SCENARIOS | dict(more)).items()}
