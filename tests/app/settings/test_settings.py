"""`app.settings` and the table that documents them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.cli import settings_table
from app.settings import Settings
from app.settings.values import fixed_words


def test_the_documented_table_is_the_code(root: Path) -> None:
    """Every setting stands in docs/settings.md with its default and meaning, and nothing else does."""
    assert settings_table() in (root / "docs" / "settings.md").read_text(encoding="utf-8")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is the field's name in capitals; an empty one counts as not set."""
    monkeypatch.setenv("MAX_BATCH_ROWS", "32")
    monkeypatch.setenv("ENGINE", "")
    settings = Settings()
    assert settings.max_batch_rows == 32
    assert settings.engine == "auto"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 70_000),
        ("workers", 0),
        ("engine", "onnx"),
        ("request_timeout", -1),
        ("max_batch_rows", "many"),
    ],
)
def test_a_setting_out_of_range_is_refused(name: str, value: object) -> None:
    """A typo is found at start, not under load."""
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: value})


WORDS = [
    (name, word) for name, field in Settings.model_fields.items() for word in fixed_words(field.annotation)
]
SWITCHES = [name for name, field in Settings.model_fields.items() if field.annotation is bool]


def test_there_are_settings_of_words_and_switches() -> None:
    """They are found, so the tests below have something to hold."""
    assert {"engine", "log_level", "log_format", "workers"} <= {name for name, _ in WORDS}
    assert {"access_log", "pin_workers", "traces"} <= set(SWITCHES)


@pytest.mark.parametrize("write", [str.upper, str.title, " {}\t".format], ids=["upper", "title", "spaces"])
@pytest.mark.parametrize(("name", "word"), WORDS)
def test_a_fixed_word_counts_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch, name: str, word: str, write: Callable[[str], str]
) -> None:
    """In any case, as other programs take `LOG_LEVEL=INFO`, and with white space around it."""
    monkeypatch.setenv(name.upper(), write(word))
    assert getattr(Settings(), name) == word


@pytest.mark.parametrize("text", ["TRUE", "True", " true ", "1", "On", "yes"])
@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_counts_however_it_is_written(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """In any case, and with white space around it."""
    monkeypatch.setenv(name.upper(), text)
    assert getattr(Settings(), name) is True


@pytest.mark.parametrize("name", ["host", "port", "artifact", "api_keys", "closed", "max_batch_wait"])
def test_white_space_around_a_value_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A file of variables has it where nobody sees it; nothing else than it is a value that is not set."""
    field = Settings.model_fields[name]
    monkeypatch.setenv(name.upper(), " \t")
    assert getattr(Settings(), name) == field.default
    text = {"closed": "metrics", "port": "80", "max_batch_wait": "0.5"}.get(name, "somewhere")
    monkeypatch.setenv(name.upper(), text)
    plain = getattr(Settings(), name)
    monkeypatch.setenv(name.upper(), f" {text} ")
    assert getattr(Settings(), name) == plain != field.default


@pytest.mark.parametrize("text", ["0", "257", "many", "automatic", "1.5", "-1"])
def test_what_is_no_number_of_workers_is_one_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Not one for the number and another for the word; it says what would do."""
    monkeypatch.setenv("WORKERS", text)
    with pytest.raises(ValidationError) as caught:
        Settings()
    (error,) = caught.value.errors()
    assert error["loc"] == ("workers",)
    assert "a number from 1 to 256 is needed, or `auto`" in error["msg"]


def test_the_queue_holds_at_least_one_batch() -> None:
    """A request of the allowed size must have a place in an empty queue."""
    with pytest.raises(ValidationError, match="MAX_QUEUE_ROWS must be at least MAX_BATCH_ROWS"):
        Settings(max_batch_rows=64, max_queue_rows=63)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("metrics", ("metrics",)),
        (" docs , openapi.json,", ("docs", "openapi.json")),
        ("/", ("/",)),
        ("Docs,METRICS", ("docs", "metrics")),
    ],
)
def test_names_stand_between_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, names: tuple[str, ...]
) -> None:
    """As people write lists in a variable, and not as JSON."""
    monkeypatch.setenv("CLOSED", text)
    assert Settings().closed == names


@pytest.mark.parametrize("name", ["predict", "livez", "/metrics", "*"])
def test_only_what_may_be_closed_can_be(name: str) -> None:
    """A name that means nothing would leave a route open that somebody believes closed."""
    with pytest.raises(
        ValidationError, match=r"cannot be closed, only `metrics`, `docs`, `openapi\.json`, `/`"
    ):
        Settings(closed=("metrics", name))


@pytest.mark.parametrize(
    "origin", ["https://page.example", "http://localhost:3000", "*", "https://[::1]:8443"]
)
def test_an_origin_is_taken_as_browsers_write_it(origin: str) -> None:
    """Scheme, host and port."""
    assert Settings(cors_origins=(origin,)).cors_origins == (origin,)


@pytest.mark.parametrize(
    ("origin", "sent"),
    [
        ("HTTPS://Page.Example", "https://page.example"),
        ("https://page.example:443", "https://page.example"),
        ("http://page.example:80", "http://page.example"),
        ("http://page.example:443", "http://page.example:443"),
        ("https://[::AB]:8443", "https://[::ab]:8443"),
    ],
)
def test_an_origin_is_compared_as_browsers_send_it(origin: str, sent: str) -> None:
    """In lower case, without the port of its scheme: written otherwise it would never match."""
    assert Settings(cors_origins=(origin,)).cors_origins == (sent,)


@pytest.mark.parametrize(
    "origin",
    [
        *("page.example", "https://page.example/", "https://*.example", "https://", "ftp://x", "null"),
        *(
            "https://page.example?x",
            "https://page.example#x",
            "https://page.example:",
            "https://bücher.example",
        ),
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    """It would never match, and nobody would see why."""
    with pytest.raises(ValidationError, match="is no origin"):
        Settings(cors_origins=(origin,))


def test_settings_cannot_be_changed() -> None:
    """Nobody turns a knob behind another's back."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]
