"""Signals during a look for versions that hangs: `python -m tests.app.signals_itself` prints the looks."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import cast

from app.inference.versions import ModelVersions
from app.lifespan import watch_versions


class HeldRollout:
    """Notes that it should look, and looks until it may go on."""

    def __init__(self) -> None:
        self.looks = 0
        self.may_look = asyncio.Event()

    async def look(self, *, again: bool) -> None:
        """Look, as into a folder of a mount that does not answer."""
        assert again
        self.looks += 1
        await self.may_look.wait()


async def main() -> None:
    """Send ten signals during a look, and one more after it."""
    rollout = HeldRollout()
    with watch_versions(cast("ModelVersions", rollout), every=0):
        for _ in range(10):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.01)
        sys.stdout.write(f"{rollout.looks}\n")
        rollout.may_look.set()
        await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(30):
            while rollout.looks < 3:
                await asyncio.sleep(0.001)
        sys.stdout.write(f"{rollout.looks}\n")


if __name__ == "__main__":
    asyncio.run(main())
