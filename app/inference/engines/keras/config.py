"""What the configuration in a `.keras` file may say: known classes, named functions, sizes within reason.

Keras builds whatever a configuration names, wherever it can find it, so all that it names is compared with
lists, at every depth. Nothing here imports Keras.
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

# Keras writes these as the objects that they are; a bare name would have to be looked up.
_NEVER_A_NAME = ("_initializer", "_regularizer", "_constraint")
# Numbers that are not sizes: nothing is made from them that grows with them.
_NOT_A_SIZE = frozenset({"seed", "shared_object_id"})


class _Node(NamedTuple):
    """A value somewhere in the configuration: its key, and the value that it is in."""

    value: Any
    key: str
    parent: _Node | None

    @property
    def place(self) -> str:
        """Where it is, as `config/layers/3/config/units`."""
        keys, node = [], self
        while node.parent is not None:
            keys.append(shown(node.key))
            node = node.parent
        place = "/".join(reversed(keys)) or "the model"
        return place if len(place) <= 100 else f"…{place[-99:]}"


def read_config(content: bytes) -> Any:
    """The configuration in `config.json`, all of whose objects, functions and numbers are allowed.

    Raises:
        ArtifactError: names the place of the first thing that is not allowed.
    """
    try:
        config = read_json(content)
    except ArtifactError as error:
        raise ArtifactError(f"not JSON as Keras writes it: {error}") from error
    for node in _nodes(config):
        _check(node)
    return config


def _nodes(config: Any) -> Iterator[_Node]:
    """Every value of a configuration, at any depth, in its own order."""
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
        return "would be compiled for training"
    calls = value.get("inbound_nodes", [])
    if not isinstance(calls, list) or not all(_takes_a_tensor(call) for call in calls):
        # Keras would compute such a call at once, and make whatever it asks for.
        return "is called on something that is no tensor of the graph"
    if "class_name" not in value:
        return None
    name, module, registered = value["class_name"], value.get("module"), value.get("registered_name")
    if module is None and isinstance(name, str) and name in VALUES:
        return None
    if not isinstance(name, str) or not isinstance(module, str) or name not in CLASSES.get(module, ()):
        return f"would make {shown(module)}.{shown(name)}, which is no known layer"
    if registered not in (None, name):
        return f"would make {shown(registered)}, which only calls itself {module}.{name}"
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
        return f"would call {shown(text)}, which is no known activation"
    if key.endswith(_NEVER_A_NAME):
        return f"would look up {shown(text)} by its name"
    return None


def _number_problem(key: str, number: int | float) -> str | None:
    if isinstance(number, int) and abs(number) > MAX_SIZE and key not in _NOT_A_SIZE:
        return f"is {shown(number)}; sizes go up to {MAX_SIZE:,}"
    return None
