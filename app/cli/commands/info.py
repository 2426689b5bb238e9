"""`info`: what a running server, or an artifact, is."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from app.cli.arguments import add_server, client_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.description = "Describe the model of a running server; with FOLDER, that of an artifact."
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="artifact, or folder of versions"
    )
    add_server(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """Raises AppError: the server cannot be reached, or the artifact not be opened."""
    from app.cli.terminal import write

    facts = _of_server(options) if options.folder is None else _of_artifact(options.folder)
    if options.json:
        write(json.dumps(facts, indent=2) + "\n")
    else:
        width = max(map(len, facts))
        write("".join(f"{name:{width}}  {_text(value)}\n" for name, value in facts.items()))
    return 0


def _of_server(options: argparse.Namespace) -> dict[str, Any]:
    with client_of(options) as client:
        model = client.model()
    contract, limits = model.contract, model.limits
    return {
        "name": contract.name,
        "version": contract.version,
        "length": contract.input.length,
        "channels": contract.input.channels,
        "classes": [label.name for label in contract.labels],
        "series in a request": limits.max_instances,
        "bytes of a request": limits.max_body_bytes,
        "request timeout in seconds": limits.request_timeout,
    }


def _of_artifact(folder: Path) -> dict[str, Any]:
    from app.contract import open_artifact

    artifact = open_artifact(folder)
    contract = artifact.contract
    return {
        "folder": str(artifact.folder),
        "name": contract.name,
        "version": contract.version,
        "length": contract.input.length,
        "channels": contract.input.channels,
        "classes": [label.name for label in contract.labels],
        "parameters": contract.parameters,
        **{name.replace("_", " "): value for name, value in contract.metrics.items()},
    }


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
