"""Signals during a check for versions that hangs: `python -m tests.app.signals_itself` prints the checks."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import cast

from app.inference.versions import ModelVersions
from app.lifespan import watch_versions


class HeldVersions:
    """Counts checks; each waits for the test."""

    def __init__(self) -> None:
        self.checks = 0
        self.may_check = asyncio.Event()

    async def check(self, *, again: bool) -> None:
        """Check, as in a folder of a mount that does not respond."""
        assert again
        self.checks += 1
        await self.may_check.wait()


async def main() -> None:
    """Send ten signals during a check, and one more after it."""
    versions = HeldVersions()
    with watch_versions(cast("ModelVersions", versions), every=0):
        for _ in range(10):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.01)
        sys.stdout.write(f"{versions.checks}\n")
        versions.may_check.set()
        await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(30):
            while versions.checks < 3:
                await asyncio.sleep(0.001)
        sys.stdout.write(f"{versions.checks}\n")


if __name__ == "__main__":
    asyncio.run(main())
