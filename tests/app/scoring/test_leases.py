"""Leases: one owner at a time, and no owner for ever."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.scoring.leases import Leases, Owner
from app.store import Store, open_store


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """At 0."""
    return Clock()


@pytest.fixture(params=["folder", "seaweed"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store, whose etags are times or digests of the content."""
    if request.param == "folder":
        return open_store(tmp_path / "store")
    server = request.getfixturevalue(request.param)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return open_store(server.folder())


def leases_of(store: Store, name: str, clock: Clock) -> Leases:
    """Of a process on another machine."""
    return Leases(store, Owner(name, f"machine {name}", 1, "1"), seconds=60, clock=clock)


def test_one_process_gets_a_lease(store: Store, clock: Clock) -> None:
    """And the next one after it was released."""
    one, two = leases_of(store, "1", clock), leases_of(store, "2", clock)
    assert one.claim(7)
    assert not two.claim(7)
    assert set(two.look()) == {7}
    assert not set(one.look())
    one.release(7)
    assert two.claim(7)


def test_a_lease_that_is_renewed_stays(store: Store, clock: Clock) -> None:
    """However long the work takes."""
    one, two = leases_of(store, "1", clock), leases_of(store, "2", clock)
    assert one.claim(7)
    for now in range(0, 600, 20):
        clock.now = now
        one.renew()
        two.look()
        assert not two.take_over(7)


def test_a_lease_that_no_longer_changes_is_taken_over(store: Store, clock: Clock) -> None:
    """By one process; the owner that comes back neither renews nor deletes it."""
    one, two, three = (leases_of(store, name, clock) for name in "123")
    assert one.claim(7)
    two.look()
    three.look()
    clock.now = 59
    assert not two.take_over(7)
    clock.now = 61
    assert two.take_over(7)
    assert not three.take_over(7)
    one.renew()
    one.release(7)
    assert set(three.look()) == {7}


def test_a_process_of_this_machine_that_has_ended_is_known_at_once(tmp_path: Path, clock: Clock) -> None:
    """A run that is started again need not wait for the leases of the one that was killed."""
    code = (
        "import json, sys; from dataclasses import asdict; from app.scoring.leases import Owner; "
        "print(json.dumps(asdict(Owner.this())))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    ended = Owner(**json.loads(done.stdout))
    store = open_store(tmp_path)
    assert Leases(store, ended, seconds=60, clock=clock).claim(1)
    assert Leases(store, Owner.this(), seconds=60, clock=clock).claim(2)
    other = leases_of(store, "other", clock)
    other.look()
    assert other.take_over(1)
    assert not other.take_over(2)


def test_a_process_of_another_machine_is_never_known_to_have_ended() -> None:
    """Nor one whose number another process has now."""
    this = Owner.this()
    assert not this.has_ended()
    assert not replace(this, host="other", process=2**22 + 1).has_ended()
    assert replace(this, process=2**22 + 1).has_ended()
    assert replace(this, process=1).has_ended()


def test_a_lease_that_cannot_be_read_expires(tmp_path: Path, clock: Clock) -> None:
    """One of another release, say."""
    store = open_store(tmp_path)
    store.create("leases/00000003.json", b"?")
    leases = leases_of(store, "1", clock)
    leases.look()
    assert not leases.take_over(3)
    clock.now = 61
    assert leases.take_over(3)
