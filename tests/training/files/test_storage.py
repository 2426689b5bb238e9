"""Atomic writes and storage errors."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.training.faults import largest_file, on_small_disk, process
from training.errors import StorageError
from training.files.storage import atomic_write, check_writable, remove_stale, write_text
from training.files.write_errors import short_reason, storage_error

WRITE = """
import sys
from pathlib import Path
from training.files.storage import atomic_write
with atomic_write(Path(sys.argv[1])) as file:
    file.write(sys.argv[2].encode())
    file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 9999])
def test_a_failed_write_keeps_the_previous_file(tmp_path: Path, size: int) -> None:
    """A write that fails at any byte gives one line, and the previous file is unchanged."""
    path = tmp_path / "state"
    write_text(path, "before")
    with largest_file(size), pytest.raises(StorageError) as caught:
        write_text(path, "x" * 10_000)
    assert str(caught.value) == (
        f"{path}: cannot be written (File too large); raise the limit on file sizes (ulimit -f), "
        "then run the same command again"
    )
    assert [child.name for child in tmp_path.iterdir()] == ["state"]
    assert path.read_text(encoding="utf-8") == "before"


def test_processes_may_write_at_once(tmp_path: Path) -> None:
    """Each process has its own temporary file; files of killed processes are removed."""
    path = tmp_path / "state"
    with process(WRITE, path, "one") as one, process(WRITE, path, "other") as other:
        assert not path.exists()
        for writer, text in ((one, "one"), (other, "other")):
            assert writer.stdin is not None
            writer.stdin.close()
            assert writer.wait() == 0
            assert path.read_text(encoding="utf-8") == text
        with process(WRITE, path, "killed") as killed, process(WRITE, path, "alive") as alive:
            killed.kill()
            killed.wait()
            remove_stale(path)
            assert len(list(tmp_path.glob(".state.*.partial"))) == 1
            assert alive.stdin is not None
            alive.stdin.close()
            assert alive.wait() == 0
    assert path.read_text(encoding="utf-8") == "alive"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_vanishes_is_named(tmp_path: Path) -> None:
    """A folder that is deleted during a write gives one line and is not created again."""
    home = tmp_path / "home"
    home.mkdir()

    def vanish() -> None:
        with atomic_write(home / "state") as file:
            file.write(b"text")
            for partial in home.iterdir():
                partial.unlink()
            home.rmdir()

    with pytest.raises(
        StorageError, match=r"cannot be written \(No such file or directory\); create the folder"
    ):
        vanish()
    assert list(tmp_path.iterdir()) == []


def test_files_have_the_usual_mode(tmp_path: Path) -> None:
    """An atomic write gives a file the usual permissions."""
    write_text(tmp_path / "one", "text")
    (tmp_path / "other").touch()
    assert (tmp_path / "one").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            RuntimeError("Check 'x' failed at a.cpp:1:\nCan't open bin file: \"x\"\n"),
            'Can\'t open bin file: "x"',
        ),
        (ValueError("{{node A}} /a/b; No space left on device\n\tFailed [Op:A]"), "No space left on device"),
        (OSError(errno.EROFS, "Read-only file system", "x"), "Read-only file system"),
        (OSError("encoder error -2"), "encoder error -2"),
        (ValueError("\x1b[31m" + "x" * 200), "\\x1b[31m" + "x" * 75),
        (KeyError(), "KeyError"),
    ],
)
def test_the_reason_of_a_library_is_short(error: Exception, expected: str) -> None:
    """The reason is one line of at most 80 printable characters."""
    assert short_reason(error) == expected


def test_the_remedy_fits_the_reason(tmp_path: Path) -> None:
    """Each kind of error has its own remedy."""
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.ENOENT, errno.ENOLCK, errno.EIO)
    remedies = {str(storage_error(OSError(n, "x"), tmp_path)).split("; ")[1] for n in numbers}
    assert len(remedies) == len(numbers)


def test_a_folder_is_checked_before_it_is_needed(tmp_path: Path) -> None:
    """A folder that can be created passes and is not created yet; one below a file is refused."""
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file: cannot be written \(Not a directory\)"):
        check_writable(tmp_path / "file" / "b")


def test_a_read_only_folder_is_found_before_anything_is_computed(tmp_path: Path) -> None:
    """The job ends before it computes anything."""
    done = on_small_disk(
        tmp_path, "mount -o remount,ro . && exec python -m training --dataset Chinatown --out . --runs ."
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {tmp_path}: cannot be written (Read-only file system); make the folder writable, or choose "
        "another one, then run the same command again\n"
    )
