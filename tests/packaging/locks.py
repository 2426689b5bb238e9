"""The lock files, and the extras of `pyproject.toml` that they are made from."""

from __future__ import annotations

import tomllib
from functools import partial

from qa.release import locks
from qa.release.locks import ENVIRONMENTS, read_lock
from tests.conftest import ROOT

LOCKS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
ON_TOP = sorted(EXTRAS.keys() - set(ENVIRONMENTS))
requirements_of = partial(locks.requirements_of, PROJECT)


def pins(name: str) -> dict[str, str]:
    """The version of each package in a lock file, for this Python and this system.

    Args:
        name: of the file below `requirements`, without `.txt`.
    """
    return {pin.name: pin.version for pin in read_lock(LOCKS / f"{name}.txt") if pin.applies}


def lock_of(extra: str) -> dict[str, str]:
    """The packages of an environment with an extra."""
    return pins(extra) if extra in ENVIRONMENTS else pins("serve") | pins(f"extras/{extra}")
