"""Run inside a container by `deploy/check.py`; prints facts about the image as one JSON object.

Uses the standard library only and imports no package of the image, so that it changes nothing.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import sys
from pathlib import Path

# Written by the engine, not by the image's command.
ENGINES_OWN = {"/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/run/.containerenv"}
# Memory, where the root is read-only.
SCRATCH = "/tmp/"  # noqa: S108 - compared with, never opened
CANDIDATES = ("tensorflow", "training", "tests")
NOTICES = Path("/srv/THIRD_PARTY_NOTICES.txt")


def main(since: float) -> None:
    """Print user, sizes in bytes, what can be imported, and files written since a time."""
    device = os.lstat("/").st_dev
    total = packages = service = 0
    written = []
    seen = set()
    for folder, folders, names in os.walk("/"):
        # /proc, /sys, /dev and mounts are not part of the image.
        folders[:] = [name for name in folders if os.lstat(f"{folder}/{name}").st_dev == device]
        for name in names:
            path = str(Path(folder, name))
            status = os.lstat(path)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            total += status.st_size
            packages += status.st_size * path.startswith("/opt/venv/")
            service += status.st_size * path.startswith("/srv/")
            if status.st_mtime > since and path not in ENGINES_OWN and not path.startswith(SCRATCH):
                written.append(path)
    answer = {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "bytes_total": total,
        "bytes_packages": packages,
        "bytes_service": service,
        "importable": [name for name in CANDIDATES if importlib.util.find_spec(name)],
        "written": written,
        "packages": len(packages_here()),
        "without_notice": without_notice(),
    }
    sys.stdout.write(json.dumps(answer))


def packages_here() -> list[str]:
    """Names and versions of the installed packages, as `deploy/notices.py` writes them."""
    return [
        f"{re.sub(r'[-_.]+', '-', package.metadata['Name']).lower()} {package.version}"
        for package in importlib.metadata.distributions()
    ]


def without_notice() -> list[str]:
    """The packages that the image's notices do not name: all of them where the file is missing."""
    lines = NOTICES.read_text(encoding="utf-8").splitlines() if NOTICES.is_file() else []
    return sorted(set(packages_here()) - set(lines))


main(float(sys.argv[1]))
