"""JSON of requests, read with simdjson: a value is looked at where it is needed, numbers come in one buffer.

No Python object is made for a number, so memory stays within a small multiple of the body.
"""

from __future__ import annotations

import codecs
from typing import Any

import pydantic_core
import simdjson

from app.api.payloads.wording import shown
from app.errors import ContractViolation, MalformedPayload

# A larger body is not parsed a second time to find the place of its fault: that takes memory for each value.
_MOST_FOR_PLACE = 64 * 1024
# More fields than any object of the protocol has; so many are looked at for repeated ones.
_MOST_FIELDS = 100
Fields = dict[str, Any]
_KINDS = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", type(None): "null"}
_WANTED = {bool: "true or false", int: "an integer", str: "a string"}


def parse_object(body: bytes, form: str) -> Fields:
    """The fields of the JSON object that a body is.

    Args:
        body: in UTF-8; a byte order mark is ignored.
        form: of the body, for messages.

    Raises:
        MalformedPayload: it is no JSON; the message gives the position, if the body is small.
        ContractViolation: it is no object, or as `fields_of`.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        # A new parser each time: an old one keeps memory for the largest body it has seen.
        document = simdjson.Parser().parse(body)
    except (ValueError, RuntimeError) as error:
        raise MalformedPayload(_unreadable(body, error, form)) from None
    if not isinstance(document, simdjson.Object):
        raise ContractViolation([("", f"expected an object, {form}; got {kind_of(document)}")])
    return fields_of(document, "")


def fields_of(found: object, at: str) -> Fields:
    """The fields of an object, with lists and objects in them as they are.

    Raises:
        ContractViolation: it is no object, has a field twice (parsers differ in which one counts), or has
            more fields than any object of the protocol.
    """
    if not isinstance(found, simdjson.Object):
        raise ContractViolation([(at, f"expected an object, got {kind_of(found)}")])
    if len(found) > _MOST_FIELDS:
        raise ContractViolation([(at, f"{len(found)} fields; at most {_MOST_FIELDS} are read")])
    names = list(found)
    fields = {name: found[name] for name in names}
    if len(fields) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ContractViolation([(place(at, shown(twice)), "given twice; send it once")])
    return fields


def read_value(fields: Fields, name: str, kind: type, at: str) -> Any:
    """A field's value of one type, `bool`, `int` or `str`; None if it is missing or null.

    Raises:
        ContractViolation: it is of another type.
    """
    value = fields.get(name)
    if value is not None and type(value) is not kind:
        raise ContractViolation([(place(at, name), f"expected {_WANTED[kind]}, got {kind_of(value)}")])
    return value


def read_required(fields: Fields, name: str, kind: type, at: str) -> Any:
    """As `read_value`; a field that is missing or null is a `ContractViolation`, too."""
    value = read_value(fields, name, kind, at)
    if value is None:
        raise ContractViolation([(place(at, name), f"missing; send {_WANTED[kind]}")])
    return value


def read_count(fields: Fields, name: str, at: str) -> int | None:
    """A field's value, an integer of 0 or more; None if it is missing or null.

    Raises:
        ContractViolation: it is none.
    """
    value: int | None = read_value(fields, name, int, at)
    if value is not None and value < 0:
        raise ContractViolation([(place(at, name), f"{value}; send 0 or more")])
    return value


def read_object(fields: Fields, name: str, at: str) -> Fields:
    """The fields of a field's object; empty if it is missing or null; raises as `fields_of` does."""
    value = fields.get(name)
    return {} if value is None else fields_of(value, place(at, name))


def read_list(fields: Fields, name: str, at: str) -> simdjson.Array | None:
    """A field's value, a list; None if it is missing or null.

    Raises:
        ContractViolation: it is none.
    """
    value = fields.get(name)
    if value is not None and not isinstance(value, simdjson.Array):
        raise ContractViolation([(place(at, name), f"expected a list, got {kind_of(value)}")])
    return value


def kind_of(value: object) -> str:
    """What a value is, for messages."""
    if isinstance(value, simdjson.Object):
        return "an object"
    return "a list" if isinstance(value, simdjson.Array) else _KINDS[type(value)]


def place(at: str, name: str) -> str:
    """The place of a field, for messages."""
    return f"{at}.{name}" if at else name


def _unreadable(body: bytes, error: Exception, form: str) -> str:
    if not body.strip():
        return f"the body is empty; send {form}"
    if len(body) <= _MOST_FOR_PLACE:
        try:
            pydantic_core.from_json(body, allow_inf_nan=False)
        except ValueError as found:
            return f"not JSON: {str(found).replace('recursion limit exceeded', 'nested too deeply')}"
    if isinstance(error, UnicodeDecodeError):
        return "not JSON: not in UTF-8"
    if "NUMBER" in str(error) or "BIGINT" in str(error):
        return (
            "not JSON that can be read: a number is not valid, beyond float64, or an integer beyond 64 bits"
        )
    return "not JSON: commas, brackets, quotes or names are missing or superfluous"
