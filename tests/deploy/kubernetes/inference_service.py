"""Validates InferenceServices by the models of the `kserve` package. It runs where that is installed.

    .cache/protocols/bin/python inference_service.py < resources.json

The input is an array of resources; the output is an array of lists of errors. The models ignore fields that
they do not know, and check no types, so each resource is walked along their declarations.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import kserve
from kubernetes import client as kubernetes

_PLAIN: dict[str, type] = {"str": str, "int": int, "bool": bool}
# Maps and quantities, which the models declare no further.
_OPEN = {"object", "ResourceQuantity", "IntstrIntOrString"}


def errors(value: Any, declared: str, path: str) -> Iterator[str]:
    """What in a value its declaration does not allow.

    Args:
        value: from JSON.
        declared: as the models write types: `str`, `list[V1Container]`, `List[V1Container]`,
            `dict(str, str)`, `Dict[str, str]`, the name of a model.
        path: of the value, for the message.
    """
    if declared in _OPEN:
        return
    if inner := re.fullmatch(r"[Ll]ist\[(.+)\]", declared):
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        for number, item in enumerate(value):
            yield from errors(item, inner[1], f"{path}/{number}")
    elif inner := re.fullmatch(r"[Dd]ict[(\[]str, (.+)[)\]]", declared):
        for key, item in value.items():
            yield from errors(item, inner[1], f"{path}/{key}")
    elif declared in _PLAIN:
        if not isinstance(value, _PLAIN[declared]):
            yield f"{path}: not {declared}"
    else:
        yield from _errors_of_model(value, declared, path)


def _errors_of_model(value: Any, declared: str, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    model = getattr(kserve, declared, None) or getattr(kubernetes, declared, None)
    if model is None:
        yield f"{path}: no model {declared}"
        return
    names = {json_name: name for name, json_name in model.attribute_map.items()}
    for field, item in value.items():
        if field in names:
            yield from errors(item, model.openapi_types[names[field]], f"{path}/{field}")
        else:
            yield f"unknown field {path}/{field}"


if __name__ == "__main__":
    found = [list(errors(resource, "V1beta1InferenceService", "")) for resource in json.load(sys.stdin)]
    sys.stdout.write(json.dumps(found))
