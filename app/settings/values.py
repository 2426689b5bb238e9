"""How the value of a setting is read before its type is: what people write in different ways, in one.

White space around a value is not part of it, a value of nothing else is not set, and words that a setting
fixes count in any case.
"""

from __future__ import annotations

import re
from typing import Any, Literal, get_args, get_origin

# As a browser writes it in an Origin header, which has no port where it is the scheme's own.
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_OWN_PORTS = {"http": ":80", "https": ":443"}


def tidy(values: dict[str, Any], annotations: dict[str, Any]) -> dict[str, Any]:
    """The values of settings without what is not part of them.

    Args:
        values: by the names of settings; those that are no text are kept as they are.
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


def origin(text: str) -> str:
    """An origin as browsers send it: in lower case, without the port that its scheme has anyway.

    Raises:
        ValueError: no browser would send it.
    """
    if text == "*":
        return text
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        raise ValueError(
            f"{text!r} is no origin, such as https://host or https://host:port, nor `*`; a host that is not "
            "ASCII is written as browsers send it: xn--..."
        )
    scheme, host, port = match.groups()
    return f"{scheme}://{host}" + ("" if port in (None, _OWN_PORTS[scheme]) else port)


def _fixed(value: Any, words: tuple[str, ...]) -> Any:
    return next((word for word in words if isinstance(value, str) and word.lower() == value.lower()), value)
