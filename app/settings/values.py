"""How the text of an environment variable becomes the value of a setting.

White space around a value is ignored, an empty value counts as not set, and fixed words count in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_settings import NoDecode

from app.store.location import is_url
from app.system.affinity import MAX_WORKERS

# Routes that need no API key unless PROTECTED_ROUTES names them.
PROTECTABLE_ROUTES = ("metrics", "docs", "openapi.json", "/")

# Names of the wire protocols. A test compares them with those of the dialects.
PROTOCOLS = ("native", "v1", "v2")

# First segments of the server's own paths, in all protocols. ROOT_PATH cannot be one of them: whether a proxy
# has removed a prefix /model would be unclear, because /model is also a path of the server.
_OWN_PATHS = frozenset(
    (
        *(
            "docs",
            "drift",
            "explain",
            "livez",
            "metrics",
            "model",
            "openapi.json",
            "page",
            "predict",
            "problems",
        ),
        *("readyz", "startupz", "static-offline-docs", "v1", "v2"),
    )
)
_ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")

# As a browser writes it in an Origin header: without the scheme's default port.
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def strip_values(values: dict[str, Any], annotations: dict[str, Any]) -> dict[str, Any]:
    """Strip white space, drop empty values, and spell fixed words as their type does.

    Args:
        values: by names of settings; values that are not text stay as they are.
        annotations: the types of all settings.
    """
    found = {}
    for name, value in values.items():
        plain = value.strip() if isinstance(value, str) else value
        if plain != "":
            found[name] = _fixed(plain, fixed_words(annotations.get(name)))
    return found


def fixed_words(annotation: Any) -> tuple[str, ...]:
    """The words that a type's `Literal`s allow."""
    parts = get_args(annotation)
    if get_origin(annotation) is Literal:
        return tuple(part for part in parts if isinstance(part, str))
    return tuple(word for part in parts for word in fixed_words(part))


def quoted(names: Iterable[str]) -> str:
    """The names in backquotes, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)


def _fixed(value: Any, words: tuple[str, ...]) -> Any:
    return next((word for word in words if isinstance(value, str) and word.lower() == value.lower()), value)


def _number_or_auto(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    """Replace pydantic's two errors, for the number and for the word, by one."""
    try:
        return validate(value)
    except ValidationError:
        raise ValueError(f"set a number from 1 to {MAX_WORKERS}, or `auto`") from None


def _split_names(text: object) -> object:
    """Names separated by commas, as a tuple; pydantic checks a value that is not text."""
    if not isinstance(text, str):
        return text
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _protectable(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name.lower() not in PROTECTABLE_ROUTES:
            raise ValueError(f"{name!r} cannot be protected; use only {quoted(PROTECTABLE_ROUTES)}")
    return tuple(name.lower() for name in names)


def _protocols(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name.lower() not in PROTOCOLS:
            raise ValueError(f"{name!r} is no protocol of this server; use only {quoted(PROTOCOLS)}")
    if not names:
        raise ValueError(f"name at least one protocol: {quoted(PROTOCOLS)}")
    return tuple(dict.fromkeys(name.lower() for name in names))


def _check_root_path(path: str) -> str:
    if not _ROOT_PATH.fullmatch(path):
        raise ValueError(
            f"{path!r} is not a path such as /forda or /models/forda; start it with a slash, do not end it "
            "with one, and use only letters, digits and -._~ between slashes"
        )
    if path.count("/") == 1 and path[1:] in _OWN_PATHS:
        raise ValueError(f"{path!r} is a path of the server itself; set another one")
    return path


def _origins(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Origins as browsers send them: in lower case, without the scheme's default port."""
    return tuple("*" if text == "*" else _origin(text) for text in texts)


def _origin(text: str) -> str:
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        raise ValueError(
            f"{text!r} is not an origin; use https://host, https://host:port or `*`, and write a host that "
            "is not ASCII as browsers send it: xn--..."
        )
    scheme, host, port = match.groups()
    return f"{scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS[scheme]) else port)


def _folder_or_url(value: object) -> object:
    return Path(value) if isinstance(value, str) and not is_url(value) else value


Workers = Annotated[
    Annotated[int, Field(ge=1, le=MAX_WORKERS)] | Literal["auto"], WrapValidator(_number_or_auto)
]
# NoDecode: pydantic-settings would expect JSON.
_Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]
ProtectedRoutes = Annotated[_Names, AfterValidator(_protectable)]
Protocols = Annotated[_Names, AfterValidator(_protocols)]
Origins = Annotated[_Names, AfterValidator(_origins)]
RootPath = Annotated[str, AfterValidator(_check_root_path)]
# A URL stays text.
ArtifactPlace = Annotated[Path | str, BeforeValidator(_folder_or_url)]
