"""Files that are replaced as a whole, or stay as they were."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.training.faults import largest_file, on_small_disk, process
from training.errors import StorageError
from training.files.storage import check_writable, remove_stale, replacing, write_text
from training.files.write_errors import short_reason, storage_error

WRITE = """
import sys
from pathlib import Path
from training.files.storage import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(sys.argv[2].encode())
    file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 9999])
def test_what_does_not_fit_leaves_what_was_there(tmp_path: Path, size: int) -> None:
    """A write that fails at any byte is one line, and the file before is still whole and alone."""
    path = tmp_path / "state"
    write_text(path, "before")
    with largest_file(size), pytest.raises(StorageError) as caught:
        write_text(path, "x" * 10_000)
    assert str(caught.value) == (
        f"{path}: cannot be written (File too large); raise the limit on file sizes (ulimit -f), "
        "then call it again in the same way"
    )
    assert [child.name for child in tmp_path.iterdir()] == ["state"]
    assert path.read_text(encoding="utf-8") == "before"


def test_processes_that_write_at_once_do_not_meet(tmp_path: Path) -> None:
    """Each has a file of its own; each result is whole; one that was killed leaves nothing for long."""
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
    """Deleted while a file in it is written, it is one line, and is not made again."""
    home = tmp_path / "home"
    home.mkdir()

    def vanish() -> None:
        with replacing(home / "state") as file:
            file.write(b"text")
            for partial in home.iterdir():
                partial.unlink()
            home.rmdir()

    with pytest.raises(StorageError, match=r"cannot be written \(No such file or directory\); make sure"):
        vanish()
    assert list(tmp_path.iterdir()) == []


def test_files_have_the_usual_mode(tmp_path: Path) -> None:
    """What is written beside its place is no more private than what is written to it."""
    write_text(tmp_path / "one", "text")
    (tmp_path / "other").touch()
    assert (tmp_path / "one").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize(
    ("error", "said"),
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
def test_a_library_is_quoted_in_short(error: Exception, said: str) -> None:
    """One line, the part of it that says why, at most 80 characters, and none that moves a cursor."""
    assert short_reason(error) == said


def test_the_remedy_fits_the_reason(tmp_path: Path) -> None:
    """Full, over quota, read-only, gone and unknown are five different things to do."""
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.ENOENT, errno.ENOLCK, errno.EIO)
    remedies = {str(storage_error(OSError(n, "x"), tmp_path)).split("; ")[1] for n in numbers}
    assert len(remedies) == len(numbers)


def test_a_folder_is_checked_before_it_is_needed(tmp_path: Path) -> None:
    """One that can be made is fine, and not made yet; one below a file is none."""
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file: cannot be written \(Not a directory\)"):
        check_writable(tmp_path / "file" / "b")


def test_a_read_only_folder_is_found_before_anything_is_computed(tmp_path: Path) -> None:
    """The job ends in its first second, not after its last epoch."""
    done = on_small_disk(
        tmp_path, "mount -o remount,ro . && exec python -m training --dataset Chinatown --out . --runs ."
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {tmp_path}: cannot be written (Read-only file system); make the folder writable, or choose "
        "another one, then call it again in the same way\n"
    )
