"""`app.contract.artifact` on version folders made to do harm: each is refused in a line that says why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.contract import open_artifact, read_contract
from app.errors import ArtifactError
from tests.app.contract.hostile import edit_contract, refused, replaced, seal_anew
from tests.support.not_files import KINDS

Edit = Callable[[dict[str, Any]], object]


def file_named(name: str) -> Edit:
    """A contract that promises a file of that name."""
    return lambda contract: contract["files"].update({name: "0" * 64})


def graph_of(*names: str) -> Edit:
    """A contract whose derived graph is of these files, all of them promised."""

    def change(contract: dict[str, Any]) -> None:
        contract["files"].update(dict.fromkeys(names, "0" * 64))
        contract["derived"]["openvino"]["files"] = names

    return change


CONTRACTS: dict[str, tuple[Edit, str]] = {
    "climbs out": (file_named("../secret"), r"files/\.\./secret"),
    "absolute": (file_named("/etc/passwd"), "files//etc/passwd"),
    "another folder": (file_named("folder/file"), "files/folder/file"),
    "hidden": (file_named(".env"), r"files/\.env"),
    "NUL in a name": (file_named("a\0b"), r"files/a\\x00b"),
    "name that breaks the line": (file_named("a\nb"), r"files/a\\nb"),
    "line break at the end": (file_named("model.keras\n"), r"files/model\.keras\\n"),
    "very long name": (file_named("a" * 300), "at most 100 characters"),
    "thousands of files": (
        lambda contract: contract["files"].update({f"f{i}": "0" * 64 for i in range(2000)}),
        "files: .*at most 1000 items",
    ),
    "length": (lambda contract: contract["input"].update(length=10**12), "input/length: .* 1048576"),
    "length of many digits": (
        lambda contract: contract["input"].update(length=10**4000),
        "whole number 10{79} is",
    ),
    "negative length": (lambda contract: contract["input"].update(length=-1), "input/length"),
    "length that is not finite": (
        lambda contract: contract["input"].update(length=float("inf")),
        "Infinity is",
    ),
    "version": (lambda contract: contract.update(version=10**9), "version: .* 999999999"),
    "classes": (
        lambda contract: contract.update(labels=[{"name": f"{i}", "meaning": ""} for i in range(20_000)]),
        "labels: .*at most 10000 items",
    ),
    "graph of another format": (graph_of("model.onnx", "model.bin"), r"are not one \.xml and the \.bin"),
    "graph with other weights": (graph_of("openvino.xml", "other.bin"), r"are not one \.xml and the \.bin"),
    "graph without weights": (graph_of("openvino.xml"), "derived/openvino/files: .*at least 2 items"),
    "graph that is not promised": (
        lambda contract: contract["files"].pop("openvino.xml"),
        r"files has no digest of openvino\.xml",
    ),
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_hostile_contract_is_refused(folder: Path, name: str) -> None:
    """Names that lead elsewhere, sizes without reason, graphs of formats that point to other files."""
    change, message = CONTRACTS[name]
    edit_contract(folder, change)
    refused(folder, rf"contract\.json: invalid contract: .*{message}")


@pytest.mark.parametrize(
    ("key", "value"), [("version", "1"), ("version", 1.0), ("version", True), ("parameters", "5")]
)
def test_a_contract_with_values_of_another_type_is_refused(folder: Path, key: str, value: object) -> None:
    """A reader that converts would take them, and another would not."""
    edit_contract(folder, lambda contract: contract.update({key: value}))
    refused(folder, rf"contract\.json: invalid contract: {key}: Input should be a valid integer")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"version": 4,', '"version": 4, "version": 5,', "the key 'version' twice"),
        ('"length": 500,', '"length": 500, "length": 501,', "the key 'length' twice"),
        ('"seed": ', '"seed": 1, "seed": ', "the key 'seed' twice"),
        ('"version": 4,', '"version": NaN,', "NaN is not a JSON number"),
        ('"description": "', '"description": "\\ud800', "half of a surrogate pair"),
        ("{", "\ufeff{", "byte order mark"),
    ],
)
def test_a_contract_that_parsers_read_differently_is_refused(
    folder: Path, before: str, after: str, message: str
) -> None:
    """Of two equal keys pydantic takes the last and others the first: two contracts in one file."""
    path = folder / "contract.json"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    refused(folder, f"contract\\.json: invalid contract: .*{message}")


@pytest.mark.parametrize(
    "content", [b'{"provenance": ' + b'{"a": ' * 100_000, b"[" * 100_000, b"\xff", b"", b"1" * 5000]
)
def test_a_contract_that_parsers_stumble_over_is_refused(folder: Path, content: bytes) -> None:
    """Nesting, other encodings, nothing at all."""
    (folder / "contract.json").write_bytes(content)
    refused(folder, "invalid contract")


def test_an_endless_contract_is_not_read(folder: Path) -> None:
    """A sparse file of 1 TiB would cost the server its memory."""
    os.truncate(folder / "contract.json", 2**40)
    refused(folder, r"contract\.json: cannot be read \(too large: 1,099,511,627,776 bytes of at most 4,")


@pytest.mark.parametrize("name", ["contract.json", "model.keras", "golden.npz", "openvino.bin", "CARD.md"])
def test_a_link_that_leads_out_of_the_folder_is_refused(folder: Path, name: str) -> None:
    """Even to a file of the right content: what is outside can change after it was checked."""
    outside = folder.parent / "outside"
    shutil.copy(folder / name, outside)
    replaced(folder, name, lambda path: path.symlink_to(outside))
    refused(folder, rf"{name}: a link to a file outside the version folder")


def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    """Mounted volumes are made of such links."""
    (folder / "..data").mkdir()
    shutil.move(folder / "model.keras", folder / "..data" / "model.keras")
    (folder / "model.keras").symlink_to(Path("..data") / "model.keras")
    assert open_artifact(folder).model_path == folder / "model.keras"


def test_the_folder_itself_may_be_a_link(folder: Path) -> None:
    """Which version is served is the operator's to say, by a link if they like."""
    link = folder.parent / "served"
    link.symlink_to(folder)
    assert open_artifact(link).folder == link


@pytest.mark.parametrize("name", ["contract.json", "model.keras", "golden.npz", "openvino.bin", "CARD.md"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_a_regular_file_is_not_read(folder: Path, name: str, kind: str) -> None:
    """A pipe never ends, and neither does a device; a server that reads one never starts."""
    make, message = KINDS[kind]
    replaced(folder, name, make)
    if name == "contract.json" and kind != "10 GB":
        refused(folder, r"contains no contract\.json")
    elif kind == "endless device":
        refused(folder, f"{name}: a link to a file outside the version folder")
    elif kind == "link to itself":
        refused(folder, rf"{name}: cannot be read \(")  # in words that differ between versions of Python
    else:
        refused(folder, rf"{name}: cannot be read \({message}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_contract_that_is_no_file_is_not_read(folder: Path, kind: str) -> None:
    """Where it is read for itself, too."""
    make, message = KINDS[kind]
    replaced(folder, "contract.json", make)
    with pytest.raises(ArtifactError, match=rf"contract\.json: cannot be read \({message}"):
        read_contract(folder / "contract.json")


@pytest.mark.parametrize("name", ["openvino.xml", "openvino.bin"])
def test_a_derived_graph_that_is_gone_or_another_is_refused(folder: Path, name: str) -> None:
    """The graph runs unread: its digest is all that speaks for it."""
    (folder / name).write_bytes(b"other")
    refused(folder, rf"{name}: damaged: SHA-256")
    (folder / name).unlink()
    refused(folder, rf"{name}: cannot be read \(No such file or directory\)")


def test_a_card_that_is_no_text_is_refused(folder: Path) -> None:
    """It would fail only when somebody asked for it."""
    (folder / "CARD.md").write_bytes(b"\xff\xfe")
    seal_anew(folder, "CARD.md")
    refused(folder, r"CARD\.md: not UTF-8 text")
