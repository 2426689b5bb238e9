"""Builds and checks the server's images: `python3 -m deploy.image build|check [cpu|gpu]`.

Works with docker, podman or buildah: the first that is installed, or the one in CONTAINER_ENGINE. Needs only
Python. It builds or runs the image and checks it from outside, over HTTP.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.version import server_version
from deploy.buildah import Buildah
from deploy.check import CheckFailed, check
from deploy.docker import DockerLike
from deploy.engine import Engine, call

ROOT = Path(__file__).parents[1]
NAME = "timeseries-server"
ARTIFACT = ROOT / "model_artifacts" / "forda"
# As in `app/contract/numbering.py` and `app/contract/pin.py`, without a need for their packages.
VERSION = re.compile(r"[1-9][0-9]{0,8}")
PIN_FILE = "SERVE"


class EngineMissing(Exception):
    """No container engine works here."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build or check an image; exit code 0 on success."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy.image", description=__doc__)
    parser.add_argument("action", choices=["build", "check"])
    parser.add_argument("target", nargs="?", default="cpu", choices=["cpu", "gpu"])
    options, engine_options = parser.parse_known_args(arguments)
    tag = f"{os.environ.get('IMAGE', NAME)}:{options.target}"
    try:
        engine = find_engine(os.environ.get("CONTAINER_ENGINE"))
        if options.action == "build":
            build(engine, tag, options.target, engine_options)
        else:
            check(engine, tag, options.target, golden_folder(ARTIFACT))
    except (EngineMissing, CheckFailed) as error:
        sys.stderr.write(f"image {options.action} failed: {error}\n")
        return 1
    except subprocess.CalledProcessError as error:
        hint = f" (is {tag} built?)" if options.action == "check" else ""
        reason = (error.stderr or "see above").strip()
        sys.stderr.write(f"image {options.action} failed: {error.cmd[0]} {error.cmd[1]}: {reason}{hint}\n")
        return 1
    return 0


def find_engine(name: str | None) -> Engine:
    """The engine with this name, or the first that works.

    Raises:
        EngineMissing: no engine works.
    """
    for candidate in [name] if name else ["docker", "podman", "buildah"]:
        probe = [candidate, "version"] if candidate == "buildah" else [candidate, "info"]
        if shutil.which(candidate) and call(probe).returncode == 0:
            return Buildah() if candidate == "buildah" else DockerLike(candidate)
    raise EngineMissing(
        f"{name or 'docker, podman or buildah'} is not installed or its service is not running"
    )


def build(engine: Engine, tag: str, target: str, options: Sequence[str]) -> None:
    """Build one target of the Dockerfile.

    Args:
        engine: builds the image.
        tag: name and tag of the image.
        target: stage of the Dockerfile.
        options: more options of the engine's build command.
    """
    labels = {"VERSION": server_version(), "REVISION": _revision()}
    arguments = [part for name, value in labels.items() for part in ("--build-arg", f"{name}={value}")]
    # This machine's certificate bundle (behind a proxy): used for downloads, not stored in the image.
    if bundle := os.environ.get("SSL_CERT_FILE"):
        arguments += ["--secret", f"id=ca-certificates,src={bundle}"]
    engine.build(tag, ["--target", target, *arguments, *options, str(ROOT)])
    sys.stdout.write(f"built {tag} with {engine.name}\n")


def golden_folder(folder: Path) -> Path:
    """The version folder that the image serves: the pinned version, else the highest.

    Raises:
        CheckFailed: the version has no golden answers.
    """
    names = [path.parent.name for path in folder.glob("*/golden.npz") if VERSION.fullmatch(path.parent.name)]
    pin = folder / PIN_FILE
    served = pin.read_text(encoding="utf-8").strip() if pin.is_file() else max(names, key=int, default=None)
    if served not in names:
        raise CheckFailed(f"{folder / (served or '')} has no golden.npz to compare answers with")
    return folder / served


def _revision() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
