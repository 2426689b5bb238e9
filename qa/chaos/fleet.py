"""Replicas behind HAProxy, on the configuration that is deployed, all of them ready."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from qa.chaos.addresses import HOST, free_port
from qa.chaos.errors import CannotInject
from qa.chaos.load import Load
from qa.chaos.processes import ROOT, SERVE, Process
from qa.chaos.stage import Stage

# Right answers by which the balancer is known to use a replica.
SOME = 20
BALANCER_CONFIG = ROOT / "deploy" / "haproxy.cfg"
# What it calls the replicas, and the variables that say where they are.
NAMES = {"replica-1": "REPLICA_1", "replica-2": "REPLICA_2", "replica-gpu": "REPLICA_GPU"}
# Of a request in the balancer's log: how often it was sent again, a plus if to another replica, and its id.
_RETRIES = re.compile(r'/\+?(\d+) \d+/\d+ \{\S*\} "POST /predict ')


@dataclass(frozen=True, slots=True)
class Fleet:
    """Real replicas, by the balancer's names of them, and the balancer."""

    replicas: dict[str, Process]
    balancer: Process

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
        return sum(int(times) > 0 for times in _RETRIES.findall(self.balancer.log.read_text()))


@asynccontextmanager
async def fleet(stage: Stage, *, replicas: int, **settings: str) -> AsyncIterator[Fleet]:
    """A fleet of two or three, whose replicas have settings by the names of their environment variables.

    Raises:
        CannotInject: there is no balancer on this machine.
        NotServing: a process does not get ready.
    """
    made = {
        name: Process(SERVE, environment=stage.serves | settings, log=stage.log(name))
        for name in list(NAMES)[:replicas]
    }
    front = balancer(list(made.values()), log=stage.log("balancer"))
    async with AsyncExitStack() as stack:
        for process in (*made.values(), front):
            stack.push_async_callback(process.clear)
            await process.start()
        for process in (*made.values(), front):
            await process.is_ready()
        yield Fleet(made, front)


def balancer(replicas: Sequence[Process], *, log: Path) -> Process:
    """HAProxy in front of up to three replicas, to be started.

    Raises:
        CannotInject: it is not installed.
    """
    program = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise CannotInject("HAProxy is not installed: apt-get install haproxy")
    addresses = [f"{HOST}:{replica.port}" for replica in replicas]
    addresses += [f"{HOST}:{free_port()}" for _ in range(len(NAMES) - len(replicas))]  # nobody listens there
    command = (program, "-db", "-f", str(BALANCER_CONFIG))
    return Process(command, environment=dict(zip(NAMES.values(), addresses, strict=True)), log=log)
