"""`app.api.middleware.api_keys`: what is in a key file, and what becomes of it while the server runs."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import pytest

from app.api.middleware.api_keys import MAX_FILE_BYTES, KeyFile, is_name, line_of, new_key, read_keys
from app.errors import InvalidKeyFile
from tests.support.not_files import KINDS, put


def file_of(folder: Path, *lines: str) -> Path:
    """A key file with these lines."""
    file = folder / "keys"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_a_key_is_known_by_its_line(tmp_path: Path) -> None:
    """Its own, and no other's; a name may have several, and comments are none."""
    keys = [new_key() for _ in range(4)]
    file = file_of(
        tmp_path,
        "# who may come in",
        "",
        line_of("alice", keys[0]),
        f"  {line_of('bob.old', keys[1]).upper().replace('BOB.OLD', 'bob.old')}  # leaves in spring",
        line_of("alice", keys[2]),
        f"# {line_of('eve', keys[3])}",
    )
    known = KeyFile(file)
    assert [known.name_of(key.encode()) for key in keys] == ["alice", "bob.old", "alice", None]
    digest = hashlib.sha256(keys[0].encode()).hexdigest()
    for none in (b"", b"alice", keys[0][:-1].encode(), keys[0].encode() + b"x", digest.encode(), b"\xff"):
        assert known.name_of(none) is None


def test_keys_are_random_long_and_safe_in_a_shell() -> None:
    """No two are the same, none is taken for an option, and each has 256 bits."""
    keys = {new_key() for _ in range(300)}  # one of 64 would start with a dash
    assert len(keys) == 300
    assert all(len(key) == 43 and key[0] != "-" and key.isascii() for key in keys)


@pytest.mark.parametrize(
    ("name", "good"),
    [("a", True), ("team-1.b_C", True), ("", False), ("a:b", False), ("ä", False), ("a" * 65, False)],
)
def test_names_are_plain(name: str, good: bool) -> None:
    """They stand in logs, and before a colon."""
    assert is_name(name) is good


def test_an_empty_file_admits_no_client(tmp_path: Path) -> None:
    """Not everybody: that there is a file says that keys are wanted."""
    assert KeyFile(file_of(tmp_path, "# nobody yet")).name_of(new_key().encode()) is None


@pytest.mark.parametrize("separator", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_comment_ends_with_its_line(tmp_path: Path, separator: str) -> None:
    """An editor shows a comment to its end: no part of it lets anybody in."""
    key = new_key()
    file = tmp_path / "keys"
    file.write_bytes(f"# since 2020{separator}{line_of('eve', key)}\n".encode())
    assert KeyFile(file).name_of(key.encode()) is None


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    """With a carriage return before the line feed."""
    key = new_key()
    file = tmp_path / "keys"
    file.write_bytes(f"# keys\r\n{line_of('alice', key)}\r\n".encode())
    assert KeyFile(file).name_of(key.encode()) == "alice"


PASTED = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (PASTED, "line 2: expected name:sha256"),
        (f"alice:{PASTED}", "line 2: expected name:sha256"),
        (f"alice {'0' * 64}", "line 2: expected name:sha256"),
        (f":{'0' * 64}", "line 2: expected name:sha256"),
        (f"alice:{'0' * 63}", "line 2: expected name:sha256"),
        (f"alice:{'0' * 64}:x", "line 2: expected name:sha256"),
        (line_of("bob", PASTED), "line 2: duplicate key"),
    ],
)
def test_a_broken_line_is_reported_by_its_number(tmp_path: Path, line: str, complaint: str) -> None:
    """And never by what is in it: somebody may have put a key there."""
    with pytest.raises(InvalidKeyFile, match=complaint) as info:
        read_keys(file_of(tmp_path, line_of("alice", PASTED), line))
    assert PASTED not in str(info.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"#" * (MAX_FILE_BYTES + 1)], ids=["binary", "large"])
def test_what_is_no_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """Before anything in it is taken for a key."""
    file = tmp_path / "keys"
    file.write_bytes(content)
    with pytest.raises(InvalidKeyFile, match=f"API_KEYS_FILE: {file}: "):
        KeyFile(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """In words, without a number of the system's."""
    with pytest.raises(InvalidKeyFile, match=r"API_KEYS_FILE: .*nowhere: No such file or directory"):
        KeyFile(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_stops_the_start(tmp_path: Path, kind: str) -> None:
    """In one line, and without waiting for whoever would write into a FIFO."""
    make, message = KINDS[kind]
    make(tmp_path / "keys")
    with pytest.raises(InvalidKeyFile, match=f"API_KEYS_FILE: {tmp_path / 'keys'}: {message}"):
        KeyFile(tmp_path / "keys")


def test_a_change_is_seen_at_the_next_look(tmp_path: Path) -> None:
    """A key that was taken out stops working, one that was put in begins to; then, not before."""
    old, new = new_key(), new_key()
    known = KeyFile(file_of(tmp_path, line_of("alice", old)))
    file_of(tmp_path, line_of("alice", new))
    assert known.name_of(old.encode()) == "alice"
    known.reload_if_changed()
    assert (known.name_of(old.encode()), known.name_of(new.encode())) == (None, "alice")


def test_a_file_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    """As an orchestrator does it: another file under the old name, of the same size."""
    old, new = new_key(), new_key()
    known = KeyFile(file_of(tmp_path, line_of("alice", old)))
    other = tmp_path / "other"
    other.write_text(line_of("alice", new) + "\n")
    other.replace(tmp_path / "keys")
    known.reload_if_changed()
    assert known.name_of(new.encode()) == "alice"


def test_a_key_is_looked_up_in_memory(tmp_path: Path) -> None:
    """However many requests there are, and wherever the file is."""
    key = new_key()
    file = file_of(tmp_path, line_of("alice", key))
    known = KeyFile(file)
    put(file, os.mkfifo)
    assert all(known.name_of(key.encode()) == "alice" for _ in range(10))


def test_a_file_that_has_not_changed_is_not_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is looked at every second."""
    known = KeyFile(file_of(tmp_path, line_of("alice", new_key())))
    with caplog.at_level(logging.INFO):
        known.reload_if_changed()
    assert caplog.records == []


def test_a_file_that_breaks_keeps_its_last_keys_and_is_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A slip of an operator's hand locks nobody out, and fills no log; what is right again counts again."""
    old, new = new_key(), new_key()
    known = KeyFile(file_of(tmp_path, line_of("alice", old)))
    for count, is_there in enumerate((True, False), 1):
        file = file_of(tmp_path, line_of("bob", new), "?")
        if not is_there:
            file.unlink()
        for _ in range(3):
            known.reload_if_changed()
            assert (known.name_of(old.encode()), known.name_of(new.encode())) == ("alice", None)
        told = errors(caplog)
        assert len(told) == count
        assert "stay valid" in told[-1]
    file_of(tmp_path, line_of("bob", new))
    known.reload_if_changed()
    assert (known.name_of(old.encode()), known.name_of(new.encode())) == (None, "bob")


@pytest.mark.parametrize("kind", KINDS)
def test_what_could_not_be_read_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """Something else in the file's place, as when a mount is late, and then the file."""
    make, message = KINDS[kind]
    old, new = new_key(), new_key()
    file = file_of(tmp_path, line_of("alice", old))
    known = KeyFile(file)
    put(file, make)
    for _ in range(3):
        known.reload_if_changed()
        assert known.name_of(old.encode()) == "alice"
    [told] = errors(caplog)
    assert told.startswith(f"API_KEYS_FILE: {file}: {message}")
    file.rmdir() if kind == "folder" else file.unlink()
    file_of(tmp_path, line_of("alice", new))
    known.reload_if_changed()
    assert known.name_of(new.encode()) == "alice"


def test_a_file_that_goes_twice_is_reported_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A mount that comes back shows the same file, which is not read again."""
    folder = tmp_path / "mount"
    folder.mkdir()
    known = KeyFile(file_of(folder, line_of("alice", new_key())))
    for _ in range(2):
        folder.rename(tmp_path / "elsewhere")
        known.reload_if_changed()
        (tmp_path / "elsewhere").rename(folder)
        known.reload_if_changed()
    assert len(errors(caplog)) == 2


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as an error."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
