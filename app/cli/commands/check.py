"""`check`: verifies the artifact against its golden answers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.set_defaults(run=_run)


def _run(_: argparse.Namespace) -> int:
    """Load the artifact on the chosen engine; raises AppError if it or the engine fails."""
    from app.contract import misnamed_versions, open_artifact
    from app.inference.engines import load_engine
    from app.registry import ArtifactCache, RemoteArtifact, default_cache
    from app.settings import Settings
    from app.system.affinity import engine_threads

    settings = Settings()
    path = settings.artifact
    if not isinstance(path, Path):
        cache = ArtifactCache(settings.artifact_cache or default_cache())
        path = RemoteArtifact(path, cache, signed=settings.require_signature is not None).first()
    artifact = open_artifact(path, public_key=settings.require_signature)
    engine = load_engine(
        artifact,
        choice=settings.engine,
        max_rows=settings.max_batch_rows,
        threads=engine_threads(settings.engine_threads, workers=1),
    )
    print(f"{artifact.folder}: golden answers reproduced on {engine.description}", file=sys.stderr)
    if artifact.folder != path:
        for reason in misnamed_versions(path).values():
            print(f"not served: {reason}", file=sys.stderr)
    return 0
