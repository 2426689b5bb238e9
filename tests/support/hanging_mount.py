"""A file system that never answers: `python -m tests.support.hanging_mount FOLDER COMMAND...`.

It is a FUSE mount behind which nobody is, in a mount namespace of the command's own. Needs Linux and the
right to mount; without, it exits with a line and code 1.
"""

from __future__ import annotations

import ctypes
import os
import sys

_NEW_NAMESPACE = 0x20000  # CLONE_NEWNS
_PRIVATE = 0x4000 | 0x40000  # MS_REC, MS_PRIVATE


def main(folder: str, *command: str) -> None:
    """Mount, and become the command, which keeps the mount by a descriptor that nobody reads from."""
    system = ctypes.CDLL(None, use_errno=True)
    try:
        descriptor = os.open("/dev/fuse", os.O_RDWR)
        _check(system.unshare(_NEW_NAMESPACE))
        _check(system.mount(b"none", b"/", None, _PRIVATE, None))
        options = f"fd={descriptor},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        _check(system.mount(b"hanging", folder.encode(), b"fuse", 0, options.encode()))
    except (OSError, AttributeError) as error:
        sys.exit(f"no mount: {error}")
    os.set_inheritable(descriptor, True)
    os.execvp(command[0], command)  # noqa: S606


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    main(*sys.argv[1:])
