"""`app.server.supervisor`: its promises, with real processes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qa.harness.process import wait_until
from tests.app.server.supervised import gone, supervised


def test_workers_start_at_once_and_share_one_port(tmp_path: Path) -> None:
    """Both respond at one address before either is ready, so that probes get responses at once."""
    with supervised(tmp_path, start="endless") as running:
        first = running.ask()
        os.kill(first["pid"], signal.SIGSTOP)
        second = running.ask()
        os.kill(first["pid"], signal.SIGCONT)
        assert {first["number"], second["number"]} == {1, 2}
        assert "is ready" not in running.output
        assert running.stop() == 0


def test_a_killed_worker_is_replaced_and_the_other_goes_on(tmp_path: Path) -> None:
    """The replacement has the same number; the other worker is still the same process."""
    with supervised(tmp_path) as running:
        before = running.ready()
        os.kill(before[1], signal.SIGKILL)
        running.wait_for_log("replaced: crashed")
        after = running.ready(3)
        assert after[1] != before[1]
        assert after[2] == before[2]
        assert f"worker 1 (pid {before[1]}) was ended by signal 9 (Killed)" in running.output
        assert running.stop() == 0


def test_a_worker_that_ends_within_a_heartbeat_is_replaced(tmp_path: Path) -> None:
    """The incomplete heartbeat is ignored."""
    with supervised(tmp_path) as running:
        running.ready()
        ended = running.ask("break off")
        running.wait_for_log(rf"\(pid {ended['pid']}\) ended with exit code 3; it is replaced")
        running.ready(3)
        assert running.stop() == 0


def test_waiting_connections_survive_their_workers(tmp_path: Path) -> None:
    """A connection that was not accepted when all workers were killed is served by a replacement."""
    with supervised(tmp_path) as running:
        before = running.ready()
        for pid in before.values():
            os.kill(pid, signal.SIGSTOP)
        with running.connect() as connection, connection.makefile("rw") as lines:
            lines.write("who\n")
            lines.flush()
            for pid in before.values():
                os.kill(pid, signal.SIGKILL)
            known = json.loads(lines.readline())
        assert known["replaces"]
        assert known["pid"] not in before.values()


@pytest.mark.parametrize("how", ["stopped", "block"])
def test_a_silent_worker_is_killed_and_replaced(tmp_path: Path, how: str) -> None:
    """No heartbeats come if the process is stopped, or if only its event loop is blocked."""
    with supervised(tmp_path, worker_timeout=1.0) as running:
        running.ready()
        if how == "stopped":
            silent = running.ask()
            os.kill(silent["pid"], signal.SIGSTOP)
        else:
            silent = running.ask("block")
        running.wait_for_log(rf"\(pid {silent['pid']}\) hung and was killed: no heartbeat for 1 s")
        running.wait_for_log("replaced: hung")
        assert gone(silent["pid"])
        running.ready(3)


def test_a_worker_that_reports_not_alive_is_killed_and_replaced(tmp_path: Path) -> None:
    """Its heartbeats report that the engine hangs: it is killed before WORKER_TIMEOUT."""
    with supervised(tmp_path) as running:
        running.ready()
        stalled = running.ask("stall")
        running.wait_for_log(
            rf"\(pid {stalled['pid']}\) hung and was killed: the engine hangs; it is replaced"
        )
        running.wait_for_log("replaced: hung")
        running.ready(3)


def test_a_worker_that_does_not_get_ready_is_killed_and_replaced(tmp_path: Path) -> None:
    """The start has a timeout."""
    with supervised(tmp_path, workers=1, start="endless", start_seconds=0.5) as running:
        running.wait_for_log("hung and was killed: not ready after 0.5 s")
        running.wait_for_log("replaced: hung")


def test_workers_without_a_supervisor_end_by_themselves(tmp_path: Path) -> None:
    """A killed supervisor leaves no workers behind."""
    with supervised(tmp_path) as running:
        running.ready()
        running.process.kill()
        wait_until(running.is_closed)


def test_a_bad_artifact_is_logged_once_and_ends_all(tmp_path: Path) -> None:
    """Every worker would fail in the same way: one log line, exit code 1, no restart."""
    with supervised(tmp_path, start="refused") as running:
        assert running.process.wait(60) == 1
        assert running.output == "model.keras: damaged\n"


def test_a_replacement_that_cannot_start_does_not_end_the_others(tmp_path: Path) -> None:
    """It is started again and again, and each failure is logged; the other worker serves on."""
    with supervised(tmp_path, restart="refused") as running:
        before = running.ready()
        os.kill(before[1], signal.SIGKILL)
        running.wait_for_log("ended with exit code 1: model.keras: damaged; it is replaced", times=2)
        assert running.ask()["pid"] == before[2]
        assert running.stop() == 0


def test_restarts_during_the_start_are_delayed_more_each_time(tmp_path: Path) -> None:
    """Each delay is twice the one before."""
    notes = tmp_path / "notes"
    with supervised(tmp_path, workers=1, start="dying", first_delay=0.1, notes=str(notes)) as running:
        running.wait_for_log("ended with exit code 3; it is replaced", times=4)
    starts = [float(line) for line in notes.read_text().splitlines()]
    gaps = [after - before for before, after in itertools.pairwise(starts)][:3]
    assert all(gap >= 0.1 * 2**i for i, gap in enumerate(gaps)), gaps


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_is_passed_on(tmp_path: Path, number: int) -> None:
    """The workers end, then the supervisor ends with exit code 0."""
    with supervised(tmp_path) as running:
        workers = running.ready()
        assert running.stop(number) == 0
        assert all(gone(pid) for pid in workers.values())
        assert "replaced" not in running.output


def test_a_signal_of_the_terminal_reaches_workers_once(tmp_path: Path) -> None:
    """Ctrl+C goes to a process group; workers have another one, and get it from the supervisor."""
    with supervised(tmp_path) as running:
        groups = {os.getpgid(pid) for pid in running.ready().values()}
        assert os.getpgid(running.process.pid) not in groups
        assert running.stop(signal.SIGINT) == 0


def test_a_second_stop_signal_is_passed_on_and_no_worker_is_replaced(tmp_path: Path) -> None:
    """A worker killed during the drain is not replaced, and the exit code is 1."""
    with supervised(tmp_path, deaf=True) as running:
        workers = running.ready()
        running.process.terminate()
        wait_until(lambda: running.ask()["signals"] == ["SIGTERM"])
        running.process.terminate()
        wait_until(lambda: running.ask()["signals"] == ["SIGTERM", "SIGTERM"])
        for pid in workers.values():
            os.kill(pid, signal.SIGKILL)
        assert running.process.wait(60) == 1
        assert "replaced" not in running.output


def test_connections_are_refused_once_all_workers_have_stopped_listening(tmp_path: Path) -> None:
    """The supervisor closes the port, too, while workers finish their requests."""
    with supervised(tmp_path, linger=60.0) as running:
        workers = running.ready()
        running.process.terminate()
        wait_until(running.is_closed)
        assert running.process.poll() is None
        for pid in workers.values():
            os.kill(pid, signal.SIGKILL)
        assert running.process.wait(60) == 1


def test_workers_left_after_the_drain_are_killed(tmp_path: Path) -> None:
    """The exit code is 1."""
    with supervised(tmp_path, deaf=True, drain_seconds=0.5) as running:
        workers = running.ready()
        assert running.stop() == 1
        assert len(running.wait_for_log("did not end within 0.5 s: killed")) == 2
        assert all(gone(pid) for pid in workers.values())


def test_a_stop_before_workers_handle_signals_is_no_failure(tmp_path: Path) -> None:
    """The signal ends them, but they had no requests to finish."""
    notes = tmp_path / "notes"
    with supervised(tmp_path, late=60.0, notes=str(notes)) as running:
        wait_until(lambda: notes.exists() and len(notes.read_text().splitlines()) == 2)
        assert running.stop() == 0


def test_sighup_is_passed_on_but_kills_no_worker_that_still_starts(tmp_path: Path) -> None:
    """A worker without a handler gets it later; none is replaced."""
    notes = tmp_path / "notes"
    with supervised(tmp_path, workers=1, late=0.5, notes=str(notes)) as running:
        wait_until(lambda: notes.exists() and notes.read_text() != "")
        running.process.send_signal(signal.SIGHUP)
        running.ready(1)
        wait_until(lambda: running.ask()["signals"] == ["SIGHUP"])
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: running.ask()["signals"] == ["SIGHUP", "SIGHUP"])
        assert "replaced" not in running.output
        assert running.stop() == 0


def test_the_supervisor_needs_only_the_standard_library(root: Path) -> None:
    """It stays small, and a broken package cannot break it."""
    code = "import sys, app.server.supervisor; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) <= {*sys.stdlib_module_names, "app", "__main__"}
