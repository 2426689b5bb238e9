"""Checks the configuration in a `.keras` file: allowed classes and functions, limited sizes.

Keras constructs any object that a configuration names, so all names are compared with allow lists, at every
depth. Nothing here imports Keras.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from app.contract.strict_json import read_json
from app.contract.wording import shown
from app.errors import ArtifactError
from app.inference.engines.keras.names import ACTIVATIONS, CLASSES, VALUES

MAX_SIZE = 2**20
# Of a shape: 256 MiB as float32.
MAX_ELEMENTS = 2**26
MAX_TEXT = 1000

# Keras writes these as objects; it would look up a bare name.
_NEVER_A_NAME = ("_initializer", "_regularizer", "_constraint")
# Numbers that allocate nothing.
_NOT_A_SIZE = frozenset({"seed", "shared_object_id"})


class _Node(NamedTuple):
    """A value in the configuration, with its key and parent."""

    value: Any
    key: str
    parent: _Node | None

    @property
    def place(self) -> str:
        """Its path, such as `config/layers/3/config/units`."""
        keys, node = [], self
        while node.parent is not None:
            keys.append(shown(node.key))
            node = node.parent
        place = "/".join(reversed(keys)) or "the model"
        return place if len(place) <= 100 else f"…{place[-99:]}"


def read_config(content: bytes) -> Any:
    """Parse `config.json` and check all its objects, functions and numbers.

    Raises:
        ArtifactError: names the path of the first value that is not allowed.
    """
    try:
        config = read_json(content)
    except ArtifactError as error:
        raise ArtifactError(f"not JSON as Keras writes it: {error}") from error
    for node in _nodes(config):
        _check(node)
    return config


def _nodes(config: Any) -> Iterator[_Node]:
    """All values of a configuration, at any depth, in document order."""
    waiting = [_Node(config, "", None)]
    while waiting:
        node = waiting.pop()
        yield node
        below = [_Node(value, key, node) for key, value in _inside(node.value)]
        waiting.extend(reversed(below))


def _inside(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, list):
        return ((str(i), inner) for i, inner in enumerate(value))
    return value.items() if isinstance(value, dict) else ()


def _check(node: _Node) -> None:
    problem = None
    if isinstance(node.value, dict):
        problem = _object_problem(node.value)
    elif isinstance(node.value, list):
        problem = _shape_problem(node.key, node.value)
    elif isinstance(node.value, str):
        problem = _text_problem(node.key, node.value)
    elif isinstance(node.value, (int, float)):
        problem = _number_problem(node.key, node.value)
    if problem:
        raise ArtifactError(f"{node.place} {problem}")


def _object_problem(value: dict[str, Any]) -> str | None:
    if value.get("compile_config"):
        return "is compiled for training; seal it without compile_config"
    calls = value.get("inbound_nodes", [])
    if not isinstance(calls, list) or not all(_takes_a_tensor(call) for call in calls):
        # Keras would compute such a call during loading.
        return "is called on a value that is not a tensor of the graph"
    if "class_name" not in value:
        return None
    name, module, registered = value["class_name"], value.get("module"), value.get("registered_name")
    if module is None and isinstance(name, str) and name in VALUES:
        return None
    if not isinstance(name, str) or not isinstance(module, str) or name not in CLASSES.get(module, ()):
        return f"names {shown(module)}.{shown(name)}, which is not an allowed layer"
    if registered not in (None, name):
        return f"names {shown(registered)} as {module}.{name}"
    return None


def _takes_a_tensor(call: Any) -> bool:
    return any(
        isinstance(node.value, dict) and node.value.get("class_name") == "__keras_tensor__"
        for node in _nodes(call)
    )


def _shape_problem(key: str, values: list[Any]) -> str | None:
    elements = 1
    for value in values if key.endswith("shape") else ():
        elements *= max(1, abs(value)) if isinstance(value, int) else 1
        if elements > MAX_ELEMENTS:
            return f"is a shape of more than {MAX_ELEMENTS:,} values"
    return None


def _text_problem(key: str, text: str) -> str | None:
    if len(text) > MAX_TEXT:
        return f"is a text of more than {MAX_TEXT} characters"
    if key.endswith("activation") and text not in ACTIVATIONS:
        return f"names {shown(text)}, which is not an allowed activation"
    if key.endswith(_NEVER_A_NAME):
        return f"names {shown(text)}; only objects are allowed here"
    return None


def _number_problem(key: str, number: int | float) -> str | None:
    if isinstance(number, int) and abs(number) > MAX_SIZE and key not in _NOT_A_SIZE:
        return f"is {shown(number)}; the largest size is {MAX_SIZE:,}"
    return None
