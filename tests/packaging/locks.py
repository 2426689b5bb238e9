"""The lock files, and the extras of `pyproject.toml` that they are made from."""

from __future__ import annotations

import re
import tomllib

from packaging.markers import Marker
from packaging.requirements import Requirement

from tests.conftest import ROOT

LOCKS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
# Those whose lock file is a whole environment; what any other adds to one goes on top.
ENVIRONMENTS = ("dev", "train", "gpu", "serve")
ON_TOP = sorted(EXTRAS.keys() - set(ENVIRONMENTS))


def pins(name: str) -> dict[str, str]:
    """The version of each package in a lock file, for this Python and this system.

    Args:
        name: of the file below `requirements`, without `.txt`.
    """
    text = (LOCKS / f"{name}.txt").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==(\S+)(?: ; (.*?))? \\$", text, flags=re.MULTILINE)
    return {package: version for package, version, marker in found if not marker or Marker(marker).evaluate()}


def lock_of(extra: str) -> dict[str, str]:
    """The packages of an environment with an extra."""
    return pins(extra) if extra in ENVIRONMENTS else pins("serve") | pins(f"extras/{extra}")


def requirements_of(extra: str) -> list[Requirement]:
    """What an extra asks for, with what the extras ask for that it is built on, and the project itself."""
    found = [Requirement(text) for text in PROJECT["dependencies"]]
    for requirement in map(Requirement, EXTRAS[extra]):
        if requirement.name == PROJECT["name"]:
            found += [inner for name in requirement.extras for inner in requirements_of(name)]
        else:
            found.append(requirement)
    return found
