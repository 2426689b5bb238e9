"""OpenVINO Model Server's client over HTTP, which speaks TensorFlow Serving's protocol in columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import ovmsclient

from tests.protocols.scripts.observe import Observation, Target, run


def _client(target: Target) -> Any:
    return ovmsclient.make_http_client(target.http)


def _status(target: Target) -> Observation:
    return _client(target).get_model_status(target.model, target.version)


def _metadata(target: Target) -> Observation:
    return _client(target).get_model_metadata(target.model, target.version)


def _predict(
    values: Callable[[Target], Any], *, model: str = "", version: int | None = None
) -> Callable[[Target], Observation]:
    def scenario(target: Target) -> Observation:
        chosen = target.version if version is None else version
        return _client(target).predict({target.input: values(target)}, model or target.model, chosen)

    return scenario


SCENARIOS: dict[str, Callable[[Target], Observation]] = {
    "status": _status,
    "unknown version status": lambda target: _client(target).get_model_status(target.model, 99),
    "metadata": _metadata,
    "predict": _predict(lambda target: target.series(2)),
    "predict list": _predict(lambda target: target.series(2).tolist()),
    "unknown model": _predict(lambda target: target.series(1), model="nothing"),
    "unknown version": _predict(lambda target: target.series(1), version=99),
    "error length": _predict(lambda _: np.zeros((1, 7), np.float32)),
    "error input": lambda target: _client(target).predict(
        {"other": target.series(1)}, target.model, target.version
    ),
}

if __name__ == "__main__":
    run(SCENARIOS)
