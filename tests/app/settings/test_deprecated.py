"""`app.settings.deprecated`: old names of variables work for one release."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings, deprecation_warnings, variable_name
from app.settings.deprecated import RENAMED
from app.settings.table import settings_table
from qa.harness.server import running_server
from tests.app.cli.test_commands import run

VALUES = {
    "API_KEYS": ("keys.txt", Path("keys.txt")),
    "BRIEF_ROWS": ("3", 3),
    "CLOSED": ("metrics, docs", ("metrics", "docs")),
    "KEEP_ALIVE": ("9", 9),
    "STALL_AFTER": ("7.5", 7.5),
}
WARNING = "STALL_AFTER is deprecated and will be removed in the next release; set STALL_TIMEOUT instead."


@pytest.mark.parametrize("old", RENAMED)
def test_the_old_name_works_with_a_warning(monkeypatch: pytest.MonkeyPatch, old: str) -> None:
    """The value is that of the new setting; one warning names the new variable."""
    text, value = VALUES[old]
    new = RENAMED[old]
    monkeypatch.setenv(old.lower(), f" {text} ")
    monkeypatch.setenv(new, " ")  # an empty variable counts as not set
    assert getattr(Settings(), new.lower()) == value
    expected = f"{old} is deprecated and will be removed in the next release; set {new} instead."
    assert deprecation_warnings({old: text}) == [expected]


@pytest.mark.parametrize("old", RENAMED)
def test_the_new_name_wins(monkeypatch: pytest.MonkeyPatch, old: str) -> None:
    """If both are set, a warning says that the old one is ignored, whatever its value is."""
    text, value = VALUES[old]
    new = RENAMED[old]
    monkeypatch.setenv(old, "not valid: /")
    monkeypatch.setenv(new, text)
    assert getattr(Settings(), new.lower()) == value
    (warning,) = deprecation_warnings({old: "x", new: text})
    assert warning.startswith(f"{old} is ignored because {new} is set; unset {old}")


def test_arguments_win_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that code passes counts, whether the old or the new variable is set."""
    monkeypatch.setenv("STALL_AFTER", "1")
    assert Settings(stall_timeout=2).stall_timeout == 2


def test_new_names_alone_give_no_warning() -> None:
    """Nor does an empty old variable, which counts as not set."""
    assert deprecation_warnings(dict.fromkeys(RENAMED.values(), "1") | dict.fromkeys(RENAMED, " ")) == []


def test_an_error_names_the_variable_that_is_set() -> None:
    """The old name if only that is set, else the new one."""
    done = run("serve", STALL_AFTER="soon")
    assert done.returncode == 1
    assert done.stderr.startswith("STALL_AFTER: Input should be a valid number")
    assert run("serve", STALL_AFTER="1", STALL_TIMEOUT="soon").stderr.startswith("STALL_TIMEOUT: ")
    assert variable_name("PORT", {"STALL_AFTER": "1"}) == "PORT"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_server_logs_each_warning_once(tmp_path: Path, workers: str) -> None:
    """Also with several workers: the supervisor logs it, the workers do not."""
    log = tmp_path / "log"
    with running_server(log=log, STALL_AFTER="20", WORKERS=workers):
        text = log.read_text(encoding="utf-8")
    assert text.count("is deprecated") == 1
    assert WARNING in text


def test_the_documentation_lists_old_names(root: Path) -> None:
    """The table of settings has new names only; a second table has each old name."""
    text = (root / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = "\n".join(f"| `{old}` | `{new}` |" for old, new in RENAMED.items())
    assert rows in text
    assert not any(f"`{old}`" in settings_table() for old in RENAMED)
    assert all(new.lower() in Settings.model_fields for new in RENAMED.values())
