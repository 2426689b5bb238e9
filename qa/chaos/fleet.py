"""Replicas behind HAProxy, on the configuration that is deployed, all of them ready."""

from __future__ import annotations

import re
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from qa.chaos.errors import CannotInject
from qa.chaos.load import Load
from qa.chaos.stage import Stage
from qa.harness.balancer import NAMES, find_haproxy, start_balancer
from qa.harness.server import ServerProcess

# Right answers by which the balancer is known to use a replica.
SOME = 20
# Of a request in the balancer's log: how often it was sent again, a plus if to another replica, and its id.
_RETRIES = re.compile(r'/\+?(\d+) \d+/\d+ \{\S*\} "POST /predict ')


@dataclass(frozen=True, slots=True)
class Fleet:
    """Real replicas, by the balancer's names of them, and the balancer."""

    replicas: dict[str, ServerProcess]
    balancer: ServerProcess

    async def all_answer(self, load: Load) -> None:
        """Wait until the balancer uses every replica for a load: it notices some later than others.

        Raises:
            NotServing: one does not answer.
        """
        for name in self.replicas:
            await load.wait_for_answers(SOME, of=name)

    @property
    def sent_again(self) -> int:
        """How many requests the balancer has sent more than once."""
        return sum(int(times) > 0 for times in _RETRIES.findall(self.balancer.output))


@asynccontextmanager
async def fleet(stage: Stage, *, replicas: int, **settings: str) -> AsyncIterator[Fleet]:
    """A fleet of two or three, whose replicas have settings by the names of their environment variables.

    Raises:
        CannotInject: there is no balancer on this machine.
        NotServing: a process does not get ready.
    """
    program = find_haproxy()
    if program is None:
        raise CannotInject("HAProxy is not installed: apt-get install haproxy")
    made = {
        name: ServerProcess(settings=stage.serves | settings, log=stage.log(name))
        for name in list(NAMES)[:replicas]
    }
    async with AsyncExitStack() as stack:
        for process in made.values():
            stack.push_async_callback(to_thread, process.kill)
            process.start()
        addresses = [process.address for process in made.values()]
        balancer = await to_thread(
            partial(start_balancer, program, replicas=addresses, log=stage.log("balancer"))
        )
        stack.push_async_callback(to_thread, balancer.kill)
        for process in (*made.values(), balancer):
            await to_thread(process.wait_until_ready)
        yield Fleet(made, balancer)
