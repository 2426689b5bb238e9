"""Opens a version folder and checks that all files of its contract exist inside it and match their digests.

It reads files; it never loads a model and imports no ML runtime. Digests do not protect against an attacker
who wrote both file and contract, so everything that is read here has a size limit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from app.contract.files import MAX_FILE_BYTES, read_file, readable, sha256_of
from app.contract.golden_file import read_golden
from app.contract.schema import (
    CONTRACT_FILE,
    GOLDEN_FILE,
    MODEL_FILE,
    READ_SCHEMAS,
    SCHEMA_VERSION,
    Contract,
)
from app.contract.signature import verify_signature
from app.contract.strict_json import read_json
from app.contract.versions import check_number, find_version
from app.contract.wording import shown
from app.errors import ArtifactError

CARD_FILE = "CARD.md"
# Contract and card are read completely at every start.
MAX_TEXT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Golden:
    """Golden answers: real series with the outputs computed in training.

    Attributes:
        series: `float32[n, *SeriesSpec.shape]`.
        probabilities: `float32[n, classes]`.
        novelty: `float32[n, 1]`; None where the contract has no trust.
    """

    series: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32] | None = None

    @property
    def answers(self) -> NDArray[np.float32]:
        """The expected engine outputs side by side, `float32[n, columns]`."""
        if self.novelty is None:
            return self.probabilities
        return np.concatenate([self.probabilities, self.novelty], axis=1)


@dataclass(frozen=True, slots=True)
class Artifact:
    """An opened version folder: every file that the contract names is there and has its digest.

    Attributes:
        folder: the version's.
        contract: as sealed.
        golden: the golden answers.
        card: the model card as Markdown; empty where the artifact has none. Read once: the folder may be gone
            while the version still serves.
        contract_sha256: of `contract.json` as it was read, in hexadecimal. It covers the digests of all other
            files, so it differs if any file of a version differs.
    """

    folder: Path
    contract: Contract
    golden: Golden
    card: str = ""
    contract_sha256: str = ""

    @property
    def model_path(self) -> Path:
        """The `.keras` file, the truth that all derived graphs come from."""
        return self.folder / MODEL_FILE

    def derived(self, runtime: Literal["openvino"]) -> list[Path] | None:
        """Paths of the graph made for a runtime; None where there is none or its parent has changed."""
        graph = self.contract.derived.get(runtime)
        if graph is None or graph.parent_sha256 != self.contract.files[MODEL_FILE]:
            return None
        return [self.folder / name for name in graph.files]


def open_artifact(path: Path, *, public_key: Path | None = None) -> Artifact:
    """Open the version folder of a path (see `find_version`) and check all its files.

    A version below the path must be named by its number; the path itself may have any name.

    Args:
        path: of a version, or of a folder of versions.
        public_key: PEM file; the version must be signed with its private key, which is checked first.

    Raises:
        ArtifactError: one line with the file and the problem.
    """
    folder = find_version(path)
    _check_place(folder, CONTRACT_FILE)
    if public_key is not None:
        verify_signature(folder, public_key)
    content = read_file(folder / CONTRACT_FILE, most=MAX_TEXT_BYTES)
    contract = parse_contract(content, str(folder / CONTRACT_FILE))
    if folder != path:
        check_number(folder, contract)
    for name, expected in contract.files.items():
        _check_place(folder, name)
        _check_digest(folder / name, expected, most=MAX_TEXT_BYTES if name == CARD_FILE else MAX_FILE_BYTES)
    golden = _read_golden(folder / GOLDEN_FILE, contract)
    return Artifact(
        folder=folder,
        contract=contract,
        golden=golden,
        card=_read_card(folder, contract),
        contract_sha256=hashlib.sha256(content).hexdigest(),
    )


def read_contract(path: Path) -> Contract:
    """Read and validate a `contract.json`.

    Raises:
        ArtifactError: it cannot be read, is not JSON, or does not follow the schema.
    """
    return parse_contract(read_file(path, most=MAX_TEXT_BYTES), str(path))


def parse_contract(content: bytes, place: str) -> Contract:
    """Validate the content of a `contract.json`.

    Args:
        content: as stored.
        place: path or URL, for the error.

    Raises:
        ArtifactError: it is not JSON, or does not follow the schema.
    """
    try:
        _check_schema(read_json(content))
        # Strict: `"3"`, `3.0` and `true` must not be converted to numbers.
        return Contract.model_validate_json(content, strict=True)
    except ArtifactError as error:
        raise ArtifactError(f"{place}: invalid contract: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = shown("/".join(str(part) for part in first["loc"])) or "document"
        raise ArtifactError(f"{place}: invalid contract: {where}: {shown(first['msg'])}") from error


def _check_schema(document: object) -> None:
    """Refuse a newer schema with a remedy, before its fields are checked."""
    number = document.get("schema_version") if isinstance(document, dict) else None
    if type(number) is int and number > SCHEMA_VERSION:
        raise ArtifactError(
            f"schema_version {number} is too new: this server reads {READ_SCHEMAS[0]} to {SCHEMA_VERSION}; "
            "upgrade the server before you serve this version"
        )


def _check_place(folder: Path, name: str) -> None:
    """Check that a file is inside the folder. Links within it are allowed: mounted volumes use them."""
    path = folder / name
    try:
        with readable(path):
            real, inside = path.resolve(strict=True), folder.resolve()
    except RuntimeError as error:  # Python 3.11 and 3.12 on circular links
        raise ArtifactError(f"{path}: cannot be read (circular links)") from error
    if not real.is_relative_to(inside):
        raise ArtifactError(f"{path}: a link to a file outside the version folder")


def _check_digest(path: Path, expected: str, *, most: int) -> None:
    actual = sha256_of(path, most=most)
    if actual != expected:
        raise ArtifactError(
            f"{path}: damaged: SHA-256 is {actual[:12]}…, the contract has {expected[:12]}…; "
            "copy the version again"
        )


def _read_card(folder: Path, contract: Contract) -> str:
    if CARD_FILE not in contract.files:
        return ""
    try:
        return read_file(folder / CARD_FILE, most=MAX_TEXT_BYTES).decode()
    except ValueError as error:
        raise ArtifactError(f"{folder / CARD_FILE}: not UTF-8 text") from error


def _read_golden(path: Path, contract: Contract) -> Golden:
    shapes = {"series": contract.input.spec.shape, "probabilities": (contract.classes,)}
    return Golden(**read_golden(path, shapes | ({"novelty": (1,)} if contract.trust else {})))
