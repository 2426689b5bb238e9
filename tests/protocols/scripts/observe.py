"""What all client scripts share: where the server is, and one line of JSON with what the client saw."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What a call returned as JSON, or {"raises": class, "says": message, "status": if it has one}.
Observation = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server, and what to send it.

    Attributes:
        http: host and port.
        grpc: host and port; empty without.
        model: its name.
        version: its number.
        golden: file with `series`, `float32[n, length]`.
        input: name of the input tensor.
        headers: of each request.
        count: of requests, for scenarios that send many.
        rows: series in each of these.
        seconds: for scenarios that go on for a time.
        only: names of the scenarios to run; all if empty.
    """

    http: str
    model: str
    version: int
    golden: str
    grpc: str = ""
    input: str = "series"
    headers: Mapping[str, str] = field(default_factory=dict)
    count: int = 16
    rows: int = 1
    seconds: float = 0.0
    only: tuple[str, ...] = ()

    def series(self, count: int) -> NDArray[np.float32]:
        """So many golden series, repeated if there are fewer."""
        golden = np.load(self.golden, allow_pickle=False)["series"]
        return np.ascontiguousarray(np.resize(golden, (count, golden.shape[1])), np.float32)

    @property
    def command(self) -> str:
        """Itself, for a script's command line."""
        return json.dumps(asdict(self))


def run(scenarios: Mapping[str, Callable[[Target], Observation]]) -> None:
    """Run the target's scenarios and print what came of each, by name."""
    given = json.loads(sys.argv[1])
    target = Target(**{**given, "only": tuple(given["only"])})
    seen = {name: observe(scenarios[name], target) for name in target.only or scenarios}
    print(json.dumps(seen, default=plain))  # noqa: T201 - it is the script's result


def observe(scenario: Callable[[Target], Observation], target: Target) -> Observation:
    """What a scenario returns, or what it raises."""
    try:
        return scenario(target)
    except Exception as error:  # noqa: BLE001 - whatever a user of this client would see
        return failure(error)


def failure(error: Exception) -> dict[str, Any]:
    """What a user sees of an error."""
    status = getattr(error, "status", None) or getattr(error, "code", None)
    status = status() if callable(status) else status
    return {
        "raises": type(error).__name__,
        "says": str(error),
        "status": None if status is None else str(status),
    }


def plain(value: object) -> object:
    """Arrays and bytes as JSON has them."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return repr(value)
