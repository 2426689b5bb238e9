"""Checks that the lock files have what `pyproject.toml` requires."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.markers import Marker
from packaging.requirements import Requirement

# Extras whose lock file is a whole environment. Those of the others are added to `serve.txt`.
ENVIRONMENTS = ("dev", "train", "gpu", "serve", "ray")


class Pin(NamedTuple):
    """A line of a lock file: a package, its version and the number of its hashes."""

    name: str
    version: str
    applies: bool
    hashes: int


def read_lock(path: Path) -> list[Pin]:
    """The pins of a lock file; `applies` is whether a pin is for this Python and this system."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(
        r"^([a-z0-9._-]+)(?:\[.*\])?==([^\s;\\]+)(?: ; ([^\\\n]*?))?((?: \\\n\s+--hash=\S+)*)$",
        text,
        flags=re.MULTILINE,
    )
    return [
        Pin(name, version, not marker or Marker(marker).evaluate(), hashes.count("--hash=sha256:"))
        for name, version, marker, hashes in found
    ]


def requirements_of(project: dict[str, Any], extra: str | None) -> list[Requirement]:
    """What an extra requires, with the project's own dependencies and the extras that it includes."""
    found = [Requirement(text) for text in project["dependencies"]]
    for requirement in map(Requirement, project["optional-dependencies"][extra] if extra else ()):
        if requirement.name == project["name"]:
            found += [inner for name in requirement.extras for inner in requirements_of(project, name)]
        else:
            found.append(requirement)
    return found


def faults(folder: Path, project: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the lock files, a line each.

    Args:
        folder: of the lock files.
        project: the table `project` of `pyproject.toml`.
    """
    pins: dict[str, dict[str, str]] = {}
    for path in sorted(folder.rglob("*.txt")):
        name = str(path.relative_to(folder).with_suffix(""))
        pins[name] = {pin.name: pin.version for pin in read_lock(path) if pin.applies}
        yield from (f"{name}.txt: {pin.name} has no hash" for pin in read_lock(path) if not pin.hashes)
    for extra in (None, *project["optional-dependencies"]):
        own = extra or "client"
        needed = [own] if own in ("client", *ENVIRONMENTS) else ["serve", f"extras/{own}"]
        if missing := [name for name in needed if name not in pins]:
            yield from (f"{name}.txt is missing" for name in missing)
            continue
        locked = {name: version for lock in needed for name, version in pins[lock].items()}
        for requirement in requirements_of(project, extra):
            if requirement.marker is None or requirement.marker.evaluate():
                version = locked.get(requirement.name.lower())
                if version is None or version not in requirement.specifier:
                    yield f"{needed[-1]}.txt: {requirement} is required; locked is {version or 'nothing'}"
