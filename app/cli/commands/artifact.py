"""`artifact`: versions in folders and stores: lists, publishes, copies and signs them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

_PLACE = "folder of versions, or its URL such as s3://bucket/folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser(
        "list", help="list the versions in a folder or store, and which one is served"
    )
    listed.add_argument("place", nargs="?", metavar="FOLDER", help=f"{_PLACE} (default: ARTIFACT)")
    listed.add_argument("--json", action="store_true", help="print a JSON array")
    listed.set_defaults(run=_list)
    published = actions.add_parser("publish", help="copy a version into a store, where servers load it")
    published.add_argument("folder", type=Path, metavar="FOLDER", help="version folder")
    published.add_argument("place", metavar="URL", help=_PLACE)
    published.set_defaults(run=_publish)
    pulled = actions.add_parser("pull", help="copy a version from a store into a folder")
    pulled.add_argument("place", metavar="URL", help=_PLACE)
    pulled.add_argument("folder", type=Path, metavar="FOLDER", help="folder of versions to copy it into")
    pulled.add_argument("--version", help="number of the version (default: the one that is served)")
    pulled.set_defaults(run=_pull)
    signed = actions.add_parser("sign", help="sign a version folder, for servers with REQUIRE_SIGNATURE")
    signed.add_argument("folder", type=Path, metavar="FOLDER", help="version folder")
    signed.add_argument(
        "--key",
        type=Path,
        required=True,
        metavar="FILE",
        help="private key: PEM file, elliptic curve, no password",
    )
    signed.set_defaults(run=_sign)


def _list(options: argparse.Namespace) -> int:
    """Raises AppError: there is no such folder, or the store cannot be read."""
    from app.cli.terminal import show_table, write
    from app.store import is_url

    place = options.place or _configured()
    rows = _in_store(str(place)) if is_url(str(place)) else _in_folder(Path(place))
    if options.json:
        write(json.dumps(rows, indent=2) + "\n")
        return 0
    headers = ("version", "name", "length", "channels", "classes", "accuracy", "state")
    show_table(headers, [[_text(row.get(name)) for name in headers] for row in rows])
    return 0


def _publish(options: argparse.Namespace) -> int:
    """Raises AppError: the version is damaged, exists with other files, or cannot be written."""
    from app.registry import publish
    from app.store import open_store

    url = publish(options.folder, open_store(options.place))
    print(f"{url} is published; servers load it within RELOAD_SECONDS or at SIGHUP", file=sys.stderr)
    return 0


def _pull(options: argparse.Namespace) -> int:
    """Raises AppError: the version does not exist, is damaged, or cannot be read or written."""
    from app.contract import version_number
    from app.errors import ArtifactError
    from app.registry import pull
    from app.store import open_store

    number = version_number(options.version or "")
    if options.version and number is None:
        raise ArtifactError(f"{options.version[:80]!a} is not a version; use a number without leading zeros")
    print(pull(open_store(options.place), number, options.folder))
    return 0


def _sign(options: argparse.Namespace) -> int:
    """Raises AppError: the version is damaged, or the key cannot be used."""
    from app.contract import open_artifact, sign

    print(sign(open_artifact(options.folder), options.key))
    return 0


def _configured() -> Path | str:
    from app.settings import Settings

    return Settings().artifact


def _in_folder(folder: Path) -> list[dict[str, Any]]:
    from app import contract
    from app.errors import ArtifactError

    chosen = contract.find_version(folder)
    rows = []
    for number, path in contract.numbered_versions(folder).items():
        try:
            found = contract.open_artifact(path).contract
        except ArtifactError as error:
            rows.append({"version": number, "state": f"damaged: {error}"})
        else:
            rows.append(_row(number, found, is_served=path == chosen))
    return rows


def _in_store(url: str) -> list[dict[str, Any]]:
    """The rows of a store; only contracts are read."""
    from app.errors import ArtifactError, ObjectMissing
    from app.registry import StoreVersions
    from app.store import open_store

    versions = StoreVersions(open_store(url))
    served, numbers = versions.served()
    rows = []
    for number in sorted(numbers):
        try:
            rows.append(_row(number, versions.version(number).parsed(), is_served=served.name == str(number)))
        except ObjectMissing:
            rows.append({"version": number, "state": "not complete"})
        except ArtifactError as error:
            rows.append({"version": number, "state": f"damaged: {error}"})
    return rows


def _row(number: int, contract: Any, *, is_served: bool) -> dict[str, Any]:
    return {
        "version": number,
        "name": contract.name,
        "length": contract.input.length,
        "channels": contract.input.channels,
        "classes": len(contract.labels),
        "accuracy": contract.metrics.get("accuracy"),
        "state": "served" if is_served else "",
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{100 * value:.2f} %" if isinstance(value, float) else str(value)
