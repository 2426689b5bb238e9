"""`app.settings` and the table in the documentation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings
from app.settings.table import settings_table
from app.settings.values import fixed_words


def test_the_documented_table_is_the_code(root: Path) -> None:
    """docs/settings.md has every setting with its default and description."""
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
    """An invalid value is an error at start."""
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: value})


WORDS = [
    (name, word) for name, field in Settings.model_fields.items() for word in fixed_words(field.annotation)
]
SWITCHES = [name for name, field in Settings.model_fields.items() if field.annotation is bool]


def test_settings_may_be_fixed_values_and_switches() -> None:
    """The parameters of the tests below are not empty."""
    assert {"engine", "log_level", "log_format", "workers"} <= {name for name, _ in WORDS}
    assert {"access_log", "pin_workers", "traces"} <= set(SWITCHES)


@pytest.mark.parametrize("write", [str.upper, str.title, " {}\t".format], ids=["upper", "title", "spaces"])
@pytest.mark.parametrize(("name", "word"), WORDS)
def test_a_fixed_value_is_accepted_in_any_case(
    monkeypatch: pytest.MonkeyPatch, name: str, word: str, write: Callable[[str], str]
) -> None:
    """`LOG_LEVEL=INFO` is valid, as in other programs, also with white space around the value."""
    monkeypatch.setenv(name.upper(), write(word))
    assert getattr(Settings(), name) == word


@pytest.mark.parametrize("text", ["TRUE", "True", " true ", "1", "On", "yes"])
@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_counts_in_any_case(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """In any case, also with white space around it."""
    monkeypatch.setenv(name.upper(), text)
    assert getattr(Settings(), name) is True


@pytest.mark.parametrize(
    "name", ["host", "port", "artifact", "api_keys_file", "protected_routes", "max_batch_wait"]
)
def test_white_space_around_a_value_is_ignored(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A value of white space only counts as not set."""
    field = Settings.model_fields[name]
    monkeypatch.setenv(name.upper(), " \t")
    assert getattr(Settings(), name) == field.default
    text = {"protected_routes": "metrics", "port": "80", "max_batch_wait": "0.5"}.get(name, "somewhere")
    monkeypatch.setenv(name.upper(), text)
    plain = getattr(Settings(), name)
    monkeypatch.setenv(name.upper(), f" {text} ")
    assert getattr(Settings(), name) == plain != field.default


@pytest.mark.parametrize("text", ["0", "257", "many", "automatic", "1.5", "-1"])
def test_an_invalid_number_of_workers_is_one_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The error says which values are valid; there is no second one for the word `auto`."""
    monkeypatch.setenv("WORKERS", text)
    with pytest.raises(ValidationError) as caught:
        Settings()
    (error,) = caught.value.errors()
    assert error["loc"] == ("workers",)
    assert "set a number from 1 to 256, or `auto`" in error["msg"]


def test_the_queue_holds_at_least_one_batch() -> None:
    """A request of the maximum size fits into an empty queue."""
    with pytest.raises(ValidationError, match="MAX_QUEUE_ROWS must be at least MAX_BATCH_ROWS"):
        Settings(max_batch_rows=64, max_queue_rows=63)


def test_the_background_queue_holds_at_least_one_request() -> None:
    """A request of the maximum number of variants fits into an empty background queue."""
    with pytest.raises(ValidationError, match="BACKGROUND_QUEUE_ROWS must be at least EXPLAIN_MAX_VARIANTS"):
        Settings(background_queue_rows=63, explain_max_variants=64)


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
def test_names_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, names: tuple[str, ...]
) -> None:
    """The value is not JSON."""
    monkeypatch.setenv("PROTECTED_ROUTES", text)
    assert Settings().protected_routes == names


@pytest.mark.parametrize("name", ["predict", "livez", "/metrics", "*"])
def test_only_some_routes_can_be_protected(name: str) -> None:
    """An unknown name is an error: the operator would believe that a route is protected."""
    with pytest.raises(
        ValidationError, match=r"cannot be protected; use only `metrics`, `docs`, `openapi\.json`, `/`"
    ):
        Settings(protected_routes=("metrics", name))


@pytest.mark.parametrize(
    "origin", ["https://page.example", "http://localhost:3000", "*", "https://[::1]:8443"]
)
def test_an_origin_is_valid_as_browsers_send_it(origin: str) -> None:
    """It has a scheme, a host and perhaps a port."""
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
def test_an_origin_is_normalized(origin: str, sent: str) -> None:
    """Lower case, without the default port of its scheme: any other spelling would never match."""
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
def test_an_invalid_origin_is_refused(origin: str) -> None:
    """It would never match a browser's Origin header."""
    with pytest.raises(ValidationError, match="is not an origin"):
        Settings(cors_origins=(origin,))


@pytest.mark.parametrize(
    ("text", "place"), [("/srv/a", Path("/srv/a")), ("a", Path("a")), ("s3://bucket/a/", "s3://bucket/a/")]
)
def test_an_artifact_is_a_path_or_a_url(
    monkeypatch: pytest.MonkeyPatch, text: str, place: Path | str
) -> None:
    """A URL keeps its two slashes."""
    monkeypatch.setenv("ARTIFACT", text)
    assert Settings().artifact == place


def test_settings_cannot_be_changed() -> None:
    """Settings are frozen."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]
