"""Leases: which process works on which task, so that several rarely do the same work.

A lease is an object that its owner creates, renews, and deletes at the end. One that has not changed for
`seconds` by the watcher's own clock is taken over: machines whose clocks differ agree on that. Leases only
save work. What counts is decided by the records of `app.scoring.ledger`, so an owner that was stopped and
comes back does no harm.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from app.errors import ObjectConflict, ObjectMissing
from app.scoring.ledger import LEASES
from app.store import Store

# Renewals while a lease lasts.
_RENEWALS = 4


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that has a lease.

    Attributes:
        token: of one run of one process.
        host: name of its machine and of its namespace of processes.
        process: its number there.
        started: when it started, in ticks since the start of the machine.
    """

    token: str
    host: str
    process: int
    started: str

    @classmethod
    def this(cls) -> Owner:
        """This process."""
        return cls(uuid.uuid4().hex, _host(), os.getpid(), _started(os.getpid()) or "")

    def has_ended(self) -> bool:
        """Whether the process is known to have ended; False for one of another machine."""
        return self.host == _host() and self.started != "" and _started(self.process) != self.started

    def __str__(self) -> str:
        """For people."""
        return f"{self.host} {self.process} {self.token}"


@dataclass(slots=True)
class _Held:
    """A lease in one state.

    Attributes:
        etag: of the object.
        since: when this process wrote it, or saw it first.
        renewals: of an own one.
        owner: of another's, once it was read.
    """

    etag: str
    since: float
    renewals: int = 0
    owner: Owner | None = None


class Leases:
    """The leases of a job, as one process sees them.

    Args:
        store: of the output.
        owner: this process.
        seconds: without a change, after which a lease may be taken over.
        clock: in seconds.
    """

    def __init__(
        self, store: Store, owner: Owner, *, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._clock, self._seconds = store, clock, seconds
        self._owner = owner
        self._mine: dict[int, _Held] = {}
        self._others: dict[int, _Held] = {}

    def claim(self, number: int) -> bool:
        """Create the lease of a task; False if it exists."""
        try:
            etag = self._store.create(_path(number), self._content(0))
        except ObjectConflict:
            return False
        self._mine[number] = _Held(etag, self._clock())
        return True

    def look(self) -> Collection[int]:
        """List the leases of other processes; the result is the numbers of their tasks."""
        found = {_number(each.path): each.etag for each in self._store.list(LEASES)}
        now = self._clock()
        seen = {number: self._others.get(number) for number in found if number not in self._mine}
        self._others = {
            number: held if held is not None and held.etag == found[number] else _Held(found[number], now)
            for number, held in seen.items()
        }
        return self._others.keys()

    def take_over(self, number: int) -> bool:
        """Take the lease of a process that has ended or no longer renews it; False if there is none such."""
        held = self._others[number]
        if self._clock() - held.since < self._seconds and not self._has_ended(number, held):
            return False
        try:
            etag = self._store.replace(_path(number), self._content(0), etag=held.etag)
        except ObjectConflict:
            return False
        del self._others[number]
        self._mine[number] = _Held(etag, self._clock())
        return True

    def renew(self) -> None:
        """Renew the own leases that are due."""
        now = self._clock()
        for number, held in list(self._mine.items()):
            if now - held.since < self._seconds / _RENEWALS:
                continue
            count = held.renewals + 1
            try:
                etag = self._store.replace(_path(number), self._content(count), etag=held.etag)
                self._mine[number] = _Held(etag, now, count)
            except ObjectConflict:  # taken over: whoever is first adds the record
                del self._mine[number]

    def release(self, number: int) -> None:
        """Delete an own lease; one that was taken over stays."""
        held = self._mine.pop(number, None)
        if held is None:
            return
        found = self._store.find(_path(number))
        if found is not None and found.etag == held.etag:
            self._store.delete(_path(number))

    def release_all(self) -> None:
        """Delete all own leases."""
        for number in list(self._mine):
            self.release(number)

    def _content(self, renewals: int) -> bytes:
        """Of a lease. The etag of S3 is a digest of it, so that it must change with each renewal."""
        return json.dumps({"owner": asdict(self._owner), "renewals": renewals}).encode()

    def _has_ended(self, number: int, held: _Held) -> bool:
        """Whether the owner has ended, where this machine can tell."""
        if held.owner is None:
            try:
                found = self._store.read(_path(number))
                if found.etag != held.etag:
                    return False
                held.owner = Owner(**json.loads(found.content)["owner"])
            except (ObjectMissing, ValueError, TypeError, KeyError):  # released, or not of this release
                return False
        return held.owner.has_ended()


def _path(number: int) -> str:
    return f"{LEASES}/{number:08}.json"


def _number(path: str) -> int:
    return int(path.rpartition("/")[2].removesuffix(".json"))


def _host() -> str:
    try:
        namespace = Path("/proc/self/ns/pid").readlink()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:  # no Linux: only time tells
        return f"{socket.gethostname()} {uuid.uuid4().hex}"
    return f"{socket.gethostname()} {boot} {namespace}"


def _started(process: int) -> str | None:
    """When a process started; None if there is none of that number."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name of the program, in brackets, may hold anything.
    return status.rpartition(")")[2].split()[19]
