"""`artifact list`: the versions in a folder of artifacts."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    found = actions.add_parser("list", help="list the versions in a folder, and which one is served")
    found.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="of versions (default: that of ARTIFACT)"
    )
    found.add_argument("--json", action="store_true", help="print a JSON array")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """Raises AppError: there is no such folder."""
    from app.cli.terminal import show_table, write

    rows = _versions(options.folder or _configured())
    if options.json:
        write(json.dumps(rows, indent=2) + "\n")
        return 0
    headers = ("version", "name", "length", "channels", "classes", "accuracy", "state")
    show_table(headers, [[_text(row.get(name)) for name in headers] for row in rows])
    return 0


def _configured() -> Path:
    from app.settings import Settings

    return Settings().artifact


def _versions(folder: Path) -> list[dict[str, Any]]:
    from app import contract
    from app.errors import ArtifactError

    chosen = contract.find_version(folder)
    rows = []
    for number, path in contract.numbered_versions(folder).items():
        row: dict[str, Any] = {"version": number}
        try:
            found = contract.open_artifact(path).contract
        except ArtifactError as error:
            row["state"] = f"damaged: {error}"
        else:
            row |= {
                "name": found.name,
                "length": found.input.length,
                "channels": found.input.channels,
                "classes": len(found.labels),
                "accuracy": found.metrics.get("accuracy"),
                "state": "served" if path == chosen else "",
            }
        rows.append(row)
    return rows


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{100 * value:.2f} %" if isinstance(value, float) else str(value)
