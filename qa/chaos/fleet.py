"""Replicas behind HAProxy with the deployed configuration."""

from __future__ import annotations

import re
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from qa.chaos.context import FaultContext
from qa.chaos.errors import CannotInject
from qa.chaos.load import Load
from qa.harness.balancer import NAMES, find_haproxy, start_balancer
from qa.harness.server import ServerProcess

# Correct responses after which the balancer is known to use a replica.
SOME = 20
# In the balancer's log: the number of retries of a request, with a plus if on another replica, and its id.
_RETRIES = re.compile(r'/\+?(\d+) \d+/\d+ \{\S*\} "POST /predict ')


@dataclass(frozen=True, slots=True)
class Fleet:
    """Replicas by the balancer's names, and the balancer."""

    replicas: dict[str, ServerProcess]
    balancer: ServerProcess

    async def all_serve(self, load: Load) -> None:
        """Wait until every replica serves requests of a load.

        Raises:
            NotServing: a replica does not respond.
        """
        for name in self.replicas:
            await load.wait_for_responses(SOME, of=name)

    @property
    def retried(self) -> int:
        """Number of requests that the balancer retried."""
        return sum(int(times) > 0 for times in _RETRIES.findall(self.balancer.output))


@asynccontextmanager
async def fleet(context: FaultContext, *, replicas: int, **settings: str) -> AsyncIterator[Fleet]:
    """Start two or three replicas and a balancer; settings are environment variables of the replicas.

    Raises:
        CannotInject: HAProxy is not installed.
        NotServing: a process does not become ready.
    """
    program = find_haproxy()
    if program is None:
        raise CannotInject("HAProxy is not installed: apt-get install haproxy")
    made = {
        name: ServerProcess(settings=context.settings | settings, log=context.log(name))
        for name in list(NAMES)[:replicas]
    }
    async with AsyncExitStack() as stack:
        for process in made.values():
            stack.push_async_callback(to_thread, process.kill)
            process.start()
        addresses = [process.address for process in made.values()]
        balancer = await to_thread(
            partial(start_balancer, program, replicas=addresses, log=context.log("balancer"))
        )
        stack.push_async_callback(to_thread, balancer.kill)
        for process in (*made.values(), balancer):
            await to_thread(process.wait_until_ready)
        yield Fleet(made, balancer)
