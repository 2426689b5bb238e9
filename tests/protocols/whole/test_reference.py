"""The same requests to a real Triton: what clients see differs only as listed here."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from app.contract import Artifact
from tests.protocols.clients import HTTP, TRITON, Observations, observe, skip_without_clients, target_of
from tests.protocols.conftest import Served
from tests.protocols.reference import Reference, running_triton, skip_without_triton
from tests.protocols.scripts.observe import Target

# By scenario, why it differs. docs/protocols.md has these reasons for users.
DIFFERENCES = {
    "server metadata": "name, version and extensions are each server's own",
    "model metadata": "label and ood_score are [n]; Triton's models cannot have that, they are [n, 1] there",
    "version metadata": "as the model's",
    "configuration": "only what clients read is there",
    "index": "an entry has a reason, which is empty",
    "statistics": "all requests are counted, of all clients; no batches by size",
    "all statistics": "as the model's",
    "unknown statistics": "404, as for any unknown model; Triton answers 400",
    "error not finite": "refused; Triton computes something",
    "datatype FP64": "converted; Triton refuses what is not the declared datatype",
    "datatype FP16": "converted",
    "datatype INT32": "converted",
    "datatype INT8": "converted",
    "timeout": "honoured; Triton's model would have to allow it",
    "error no version": "over gRPC NOT_FOUND, as for any unknown version; Triton answers INVALID_ARGUMENT",
}
# Over one of the two transports alone.
_GRPC_ONLY = {"error no version"}
_HTTP_ONLY = {"index"}


@pytest.fixture(scope="module")
def reference(artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    """A Triton with the same model."""
    skip_without_clients()
    skip_without_triton()
    with running_triton(artifact, tmp_path_factory.mktemp("triton")) as running:
        yield running


@pytest.fixture(scope="module")
def of_triton(reference: Reference, artifact: Artifact) -> dict[str, Observations]:
    """What each form of the client saw of it."""
    target = target_of(reference.process, artifact, grpc=reference.grpc, http=f"127.0.0.1:{reference.http}")
    return {script: observe(script, target) for script in TRITON}


def compared(found: Any) -> Any:
    """An observation without what may differ: words, small errors of numbers, and shapes that are listed."""
    if isinstance(found, list):
        return [compared(each) for each in found]
    if not isinstance(found, dict):
        return found
    if "raises" in found:
        return {"raises": found["raises"], "status": found["status"]}
    found = copy.deepcopy(found)
    outputs = found.get("outputs", {})
    if isinstance(outputs, dict):
        for name, tensor in outputs.items():
            if name in ("label", "ood_score"):
                tensor["shape"] = tensor["shape"][:1]
                tensor["values"] = [
                    value[0] if isinstance(value, list) else value for value in tensor["values"]
                ]
            if name in ("label_set", "ood_score"):
                del tensor["values"]
            elif name == "probabilities" and tensor["datatype"] == "FP32":
                tensor["values"] = [[round(value, 3) for value in row] for row in tensor["values"]]
    return found


@pytest.mark.parametrize("script", TRITON)
def test_clients_see_the_same_of_both(
    served: Served, of_triton: dict[str, Observations], script: str
) -> None:
    """But for the list; and what is on the list does differ."""
    ours, theirs = served.by(script), of_triton[script]
    assert ours.keys() == theirs.keys()
    different = {name for name in ours if compared(ours[name]) != compared(theirs[name])}
    assert different - set(DIFFERENCES) == set()
    other = _GRPC_ONLY if script in HTTP else _HTTP_ONLY
    assert set(DIFFERENCES) - different - other == set()


def test_kserves_client_sees_the_same_of_both(
    served: Served, reference: Reference, artifact: Artifact
) -> None:
    """But for health, whose body Triton leaves empty and KServe's client reads."""
    target: Target = target_of(
        reference.process, artifact, grpc=reference.grpc, http=f"127.0.0.1:{reference.http}"
    )
    ours, theirs = served.by("kserve_client"), observe("kserve_client", target)
    names = [name for name in ours if name.startswith(("v2", "grpc"))]
    different = {name for name in names if compared(ours[name]) != compared(theirs[name])}
    assert different == {"v2 live", "v2 ready"}
