"""What `app.http` takes from uvicorn, name by name: an upgrade that breaks one of them fails by that name.

The names are collected from the source, so that none is used without a line here that says what for.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
from pathlib import Path

import pytest
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.http import connection
from app.http.asgi_cycle import AsgiCycle
from app.http.connection import Connection
from app.http.transport import ReadFlowControl
from tests.app.http.connection.uvicorn_objects import no_app, objects

# What of each class of uvicorn's is read, set or called, and what for.
USES: dict[str, dict[str, str]] = {
    "HttpToolsProtocol": {
        "__init__": "takes uvicorn's arguments and sets all that is read here",
        "_start_asgi_task": "runs the framework's requests as tasks that a shutdown waits for",
        "access_logger": "argument of a cycle",
        "app": "has the fast path and the limits in its state, and answers all else",
        "app_state": "the state in a request's scope",
        "asgi_version": "in a request's scope",
        "client": "in a request's scope",
        "connection_lost": "takes the connection from the server's, and frees writers that wait",
        "connection_made": "adds the connection to the server's, and sets addresses",
        "connections": "are counted against MAX_CONNECTIONS",
        "flow": "is exchanged for one that can hold reading",
        "logger": "argument of a cycle",
        "loop": "its clock and its turns",
        "parser": "is dropped: there is one of our own",
        "scheme": "in a request's scope",
        "server": "in a request's scope",
        "server_state": "default headers, and the number of requests",
        "timeout_keep_alive": "KEEP_ALIVE_TIMEOUT, seconds",
        "transport": "what is written to",
    },
    "RequestResponseCycle": {
        "__init__": "takes uvicorn's arguments",
        "body": "what has come of a body and was not read by the app",
        "disconnected": "tells uvicorn that the caller is gone",
        "flow": "stops reading while the body is large",
        "keep_alive": "whether uvicorn writes Connection: close, and closes",
        "message_event": "wakes an app that waits for the body",
        "more_body": "whether more of the body comes",
        "receive": "gives the app the body",
        "response_complete": "whether the response was sent",
        "scope": "its state says whether the app reads the body piece by piece",
        "response_started": "whether a part of it was sent",
        "send": "writes the response",
        "waiting_for_100_continue": "whether the caller waits to be told to send the body",
    },
    "FlowControl": {
        "pause_reading": "holds the caller back",
        "pause_writing": "holds an app back whose caller does not read",
        "read_paused": "whether the caller is held back",
        "resume_reading": "lets the caller send on",
        "resume_writing": "lets an app write on",
        "write_paused": "whether the caller does not read",
    },
    "ServerState": {
        "default_headers": "of every response: the date",
        "total_requests": "is counted up, for `limit_max_requests`",
    },
}
# Methods of theirs that are overridden, because uvicorn or the event loop calls them.
OVERRIDDEN: dict[str, set[str]] = {
    "HttpToolsProtocol": {
        *("connection_made", "data_received", "eof_received", "connection_lost"),
        *("pause_writing", "resume_writing", "on_response_complete", "shutdown"),
    },
    "RequestResponseCycle": {"send", "receive"},
    "FlowControl": {"resume_reading"},
}
OURS: dict[str, type] = {
    "HttpToolsProtocol": Connection,
    "RequestResponseCycle": AsgiCycle,
    "FlowControl": ReadFlowControl,
}
# The attributes of uvicorn's whose values are objects of uvicorn's.
HELD = {"flow": "FlowControl", "_flow": "FlowControl", "server_state": "ServerState"}
FOLDER = Path(connection.__file__).parent
SOURCES = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.py"))}
IMPORTED = sorted(
    (node.module, alias.name)
    for tree in SOURCES.values()
    for node in ast.walk(tree)
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("uvicorn")
    for alias in node.names
)
by_name = pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in USES.items() for name in names]
)


def used(kind: str) -> set[str]:
    """The names of a class of uvicorn's that our source uses."""
    theirs, names = objects()[kind], set()
    for tree in SOURCES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                holder = getattr(node.value, "attr", getattr(node.value, "id", ""))
                if HELD.get(holder) == kind:
                    names.add(node.attr)
    if kind in OURS:
        names |= _used_within(OURS[kind], theirs)
    return names - {"is_held"}  # `ReadFlowControl`'s own


def _used_within(ours: type, theirs: object) -> set[str]:
    """On `self`, where uvicorn has it or nobody here does; and on `super()`."""
    [node] = [
        found
        for tree in SOURCES.values()
        for found in tree.body
        if isinstance(found, ast.ClassDef) and found.name == ours.__name__
    ]
    attributes = [found for found in ast.walk(node) if isinstance(found, ast.Attribute)]
    of_super = {found.attr for found in attributes if ast.unparse(found.value) == "super()"}
    of_self = [found for found in attributes if ast.unparse(found.value) == "self"]
    own = {found.attr for found in of_self if isinstance(found.ctx, ast.Store)} | vars(ours).keys()
    methods = {name for name, value in vars(ours).items() if inspect.isfunction(value)}
    names = {found.attr for found in of_self} - methods
    return of_super | {name for name in names if name not in own or hasattr(theirs, name)}


@pytest.mark.parametrize("kind", USES)
def test_each_name_that_is_used_has_its_line(kind: str) -> None:
    """And each line here is of a name that is used."""
    assert used(kind) == set(USES[kind])


@by_name
def test_uvicorn_has_the_name(kind: str, name: str) -> None:
    """As a method, or set by its `__init__`."""
    assert hasattr(objects()[kind], name), f"uvicorn's {kind}.{name} is gone. Used for: {USES[kind][name]}"


@pytest.mark.parametrize(("module", "name"), IMPORTED)
def test_uvicorn_has_what_is_imported(module: str, name: str) -> None:
    """From modules that are not all meant for others."""
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("kind", OURS)
def test_no_other_name_of_uvicorns_is_taken_by_chance(kind: str) -> None:
    """An attribute that uvicorn adds under a name of ours would be set or called by both."""
    ours, theirs = OURS[kind], objects()[kind]
    methods = {name for name in vars(ours) if not name.startswith("__") and hasattr(type(theirs), name)}
    assert methods == OVERRIDDEN[kind]
    loop = asyncio.new_event_loop()
    loop.close()
    if kind == "HttpToolsProtocol":
        own = Connection(Config(no_app, lifespan="off", log_config=None), ServerState(), {}, loop)
        changed = {name for name, value in vars(theirs).items() if type(value) is not type(vars(own)[name])}
        assert changed == {"parser"}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in OVERRIDDEN.items() for name in sorted(names)]
)
def test_what_is_overridden_is_called_alike(kind: str, name: str) -> None:
    """With the same arguments; what is called for an event loop is its own contract."""
    ours, theirs = (inspect.signature(getattr(of, name)) for of in (OURS[kind], type(objects()[kind])))
    assert list(ours.parameters) == list(theirs.parameters)


def test_a_protocol_is_made_with_the_same_arguments() -> None:
    """The server's own connections, and ours, which `app.server.worker` makes."""
    parameters = inspect.signature(HttpToolsProtocol.__init__).parameters
    assert list(parameters) == ["self", "config", "server_state", "app_state", "_loop"]
    assert parameters["_loop"].default is None


def test_a_cycle_is_made_with_the_arguments_that_it_gets() -> None:
    """All of them, by name; and one that is new in uvicorn is not missing."""
    [call] = [
        node
        for node in ast.walk(SOURCES["connection.py"])
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "AsgiCycle"
    ]
    given = {keyword.arg for keyword in call.keywords} - {"decide"}
    assert given == set(inspect.signature(RequestResponseCycle).parameters)
