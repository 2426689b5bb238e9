"""Run inside a container by `deploy/check.py`: says what the image is like, as one JSON object.

Standard library only, and no imports of the image's packages: it must not change what it looks at.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

# Written by the engine, not by the image's command.
ENGINES_OWN = {"/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/run/.containerenv"}
# Memory, where the root is read-only.
SCRATCH = "/tmp/"  # noqa: S108 - compared with, never opened
LOOKED_FOR = ("tensorflow", "training", "tests")


def main(since: float) -> None:
    """Print user, sizes in bytes, what can be imported, and files written since a time."""
    device = os.lstat("/").st_dev
    total = packages = service = 0
    written = []
    seen = set()
    for folder, folders, names in os.walk("/"):
        # /proc, /sys, /dev and mounts are no part of the image.
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
        "importable": [name for name in LOOKED_FOR if importlib.util.find_spec(name)],
        "written": written,
    }
    sys.stdout.write(json.dumps(answer))


main(float(sys.argv[1]))
