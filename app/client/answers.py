"""Reads responses: the description of the model, and the predictions as a structured array."""

from __future__ import annotations

import io
import re
from functools import lru_cache

import httpx
import numpy as np
from numpy.lib import format as npy
from pydantic import ValidationError

from app.client.errors import UnexpectedResponse
from app.client.results import Answer, Records, dtype_of
from app.client.schemas import ModelDescription

NPY = "application/x-npy"
ACCEPT = f"{NPY}; fields=all"
_NPY_1_0 = npy.magic(1, 0)
_VERSION = re.compile(r";\s*version=(\d+);\s*layout=(\w+)")
_EXPLAINED_VERSION = re.compile(r";\s*version=(\d+)")
_OLDER = "the server is older than this client (1.1): update it"


def read_model(response: httpx.Response) -> ModelDescription:
    """The description of the model.

    Raises:
        UnexpectedResponse: it is another document.
    """
    try:
        return ModelDescription.model_validate_json(response.content)
    except ValidationError as error:
        places = [".".join(map(str, each["loc"])) for each in error.errors(include_url=False)]
        if places and all(place.startswith(("limits", "npy_fields")) for place in places):
            raise UnexpectedResponse(f"{response.url}: no {places[0]}; {_OLDER}") from error
        raise UnexpectedResponse(f"{_seen(response)} and does not describe a model; check the URL") from error


def read_answer(response: httpx.Response, model: ModelDescription, count: int) -> Answer:
    """The predictions for `count` series.

    Raises:
        UnexpectedResponse: the response has no such predictions.
    """
    records = _read_records(response)
    version = _VERSION.search(response.headers["content-type"])
    if version is None or records.dtype.names is None:
        raise UnexpectedResponse(f"{response.url}: only probabilities; {_OLDER}")
    if version[2] != model.npy_fields.layout or records.dtype != dtype_of(model):
        raise UnexpectedResponse(
            f"{response.url}: version {version[1]} of the model has other classes or fields than version "
            f"{model.contract.version} had; send the series again"
        )
    if records.shape != (count,):
        raise UnexpectedResponse(f"{response.url}: {records.shape} predictions for {count} series")
    return Answer(records, int(version[1]))


def read_explanations(response: httpx.Response, _model: ModelDescription, count: int) -> Answer:
    """The explanations of `count` series.

    Raises:
        UnexpectedResponse: the response has no such explanations.
    """
    records = _read_records(response)
    version = _EXPLAINED_VERSION.search(response.headers["content-type"])
    if version is None or not {"label", "probability", "unlike"}.issubset(records.dtype.names or ()):
        raise UnexpectedResponse(f"{response.url}: an array without explanations; check the URL")
    if records.shape != (count,):
        raise UnexpectedResponse(f"{response.url}: {records.shape} explanations of {count} series")
    return Answer(records, int(version[1]))


def _read_records(response: httpx.Response) -> Records:
    """The array of a response."""
    if not response.headers.get("content-type", "").startswith(NPY):
        raise UnexpectedResponse(f"{_seen(response)}, not {NPY}; check the URL")
    try:
        return _records(response.content)
    except (ValueError, EOFError, SyntaxError, TypeError) as error:
        raise UnexpectedResponse(f"{_seen(response)}, which is damaged: {error}") from error


def _records(content: bytes) -> Records:
    """The array of an npy file, which shares memory with it; raises ValueError and others if it is none."""
    if not content.startswith(_NPY_1_0):
        raise ValueError("not an npy file of version 1.0")
    end = len(_NPY_1_0) + 2 + int.from_bytes(content[len(_NPY_1_0) : len(_NPY_1_0) + 2], "little")
    shape, dtype = _header(content[len(_NPY_1_0) : end])
    return np.frombuffer(content, dtype, offset=end).reshape(shape)


@lru_cache(maxsize=64)
def _header(header: bytes) -> tuple[tuple[int, ...], np.dtype[np.void]]:
    """Shape and dtype. Most responses of a call have the same header, and NumPy takes 0.1 ms for one."""
    shape, _, dtype = npy.read_array_header_1_0(io.BytesIO(header))
    return shape, dtype


def _seen(response: httpx.Response) -> str:
    kind = response.headers.get("content-type") or "no Content-Type"
    size = len(response.content)
    return f"{response.url}: the response ({response.status_code}) is {size:,} bytes of {kind[:80]!a}"
