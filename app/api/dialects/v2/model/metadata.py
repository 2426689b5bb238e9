"""Metadata of the server and of its model in the Open Inference Protocol, as values without JSON or HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from app.api.dialects.v2.model.inputs import ModelInput, TensorSpec
from app.api.dialects.v2.model.outputs import ModelOutputs
from app.api.payloads.wording import shown
from app.contract import Contract, version_number
from app.errors import UnknownModel
from app.inference.service import Service
from app.inference.versions import ModelVersions
from app.version import server_version

SERVER_NAME = "timeseries"
# As Triton names them. Of the model repository, only its index.
CONFIGURATION = "model_configuration"
EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    CONFIGURATION,
    "model_repository",
    "parameters",
    "schedule_policy",
    "statistics",
)
# The name of the framework, in the protocol's terms: the model is a Keras model, whatever engine runs it.
PLATFORM = "keras"
NOT_LOADED_HERE = (
    "models cannot be loaded or unloaded by request: the server loads new versions from its folder by itself"
)


class ModelMetadata(NamedTuple):
    """The metadata of a model.

    Attributes:
        name: of the model.
        versions: the loaded ones, or the one that the request names.
        platform: the model's framework.
        inputs: of the model.
        outputs: of the model.
    """

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class IndexEntry(NamedTuple):
    """A version in the index of the repository.

    Attributes:
        name: of the model.
        version: its number, or the name of its folder.
        state: READY or UNAVAILABLE.
        reason: why it is unavailable; empty if it is ready.
    """

    name: str
    version: str
    state: str
    reason: str


@cache
def version_of_server() -> str:
    """The version of the server."""
    return server_version()


def parse_version(text: str | None) -> int | None:
    """The number of a version in a path or a request; None where it is missing or empty.

    Raises:
        UnknownModel: it is no version number, so no such version can be loaded.
    """
    if not text:
        return None
    number = version_number(text)
    if number is None:
        raise UnknownModel(f"version {shown(text)!r} is not loaded: versions are numbers from 1 on")
    return number


def find(versions: ModelVersions, model: str | None, version: str | None) -> Service:
    """The service of a model's version; raises `UnknownModel` if it is not loaded.

    Args:
        versions: of the model.
        model: its name; None for the one that is served.
        version: its number; None or empty for the one that serves.
    """
    return versions.pick(parse_version(version), model=model)


def model_metadata(versions: ModelVersions, model: str | None, version: str | None = None) -> ModelMetadata:
    """The metadata of a model, or of one version of it.

    Raises:
        UnknownModel: the version is not loaded.
    """
    contract = find(versions, model, version).contract
    loaded = tuple(map(str, sorted(versions.loaded)))
    return metadata_of(contract, (str(contract.version),) if version else loaded)


def metadata_of(contract: Contract, versions: Sequence[str]) -> ModelMetadata:
    """The metadata of a contract, with these versions."""
    model_input = ModelInput(contract, max_series=1)  # the limit is no part of the metadata
    outputs = ModelOutputs(contract)
    return ModelMetadata(contract.name, tuple(versions), PLATFORM, (model_input.spec,), outputs.specs)


def is_ready(versions: ModelVersions, model: str | None, version: str | None = None) -> bool:
    """Whether a version answers requests.

    Raises:
        UnknownModel: the version is not loaded.
    """
    return find(versions, model, version).status().ready


def repository_index(versions: ModelVersions, *, only_ready: bool = False) -> list[IndexEntry]:
    """The loaded versions, and those that were refused because they failed their checks.

    Args:
        versions: of the model.
        only_ready: leave out those that do not answer requests.
    """
    name = versions.current.contract.name
    entries = []
    for number in sorted(versions.loaded):
        status = versions.pick(number).status()
        reason = "" if status.ready else "; ".join(status.reasons)
        entries.append(IndexEntry(name, str(number), "READY" if status.ready else "UNAVAILABLE", reason))
    entries += (IndexEntry(name, folder, "UNAVAILABLE", why) for folder, why in versions.refused.items())
    return [entry for entry in entries if entry.state == "READY" or not only_ready]
