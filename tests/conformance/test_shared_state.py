"""All state that connections share is listed in SECURITY.md with the reason why it is safe."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

MEMORIES = {"lru_cache", "cache", "cached_property"}
# What a module can hold that requests could change, and how they would.
CHANGING = {"append", "add", "update", "setdefault", "pop", "clear", "extend", "insert", "remove", "discard"}
CHANGEABLE = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)


def modules(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """The service's modules, by their paths."""
    for path in sorted((root / "app").rglob("*.py")):
        yield str(path.relative_to(root)), ast.parse(path.read_text(encoding="utf-8"))


def names_in(node: ast.AST) -> set[str]:
    """All names within a piece of code."""
    plain = {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}
    return plain | {found.attr for found in ast.walk(node) if isinstance(found, ast.Attribute)}


def remembering(root: Path) -> Iterator[tuple[str, str]]:
    """Cached functions of the server and their modules; by a decorator, or as `lru_cache()(function)`."""
    for path, module in modules(root):
        if path.startswith("app/client/"):
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef) and any(
                names_in(decorator) & MEMORIES for decorator in node.decorator_list
            ):
                yield node.name, path
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                outer = node.value.func if isinstance(node.value, ast.Call) else None
                if isinstance(outer, ast.Call) and names_in(outer.func) & MEMORIES:
                    yield node.targets[0].attr, path


def test_no_module_has_something_that_requests_could_change(root: Path) -> None:
    """Module state is created at import; functions do not change it."""
    for path, module in modules(root):
        held = {
            target.id
            for node in module.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, CHANGEABLE)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        assert not [node for node in ast.walk(module) if isinstance(node, ast.Global)], path
        changed = {
            node.value.id
            for function in ast.walk(module)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            for node in ast.walk(function)
            if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name)
            if isinstance(node.ctx, ast.Store | ast.Del) or getattr(node, "attr", "") in CHANGING
        }
        assert not held & changed, f"{path}: {held & changed}"


def test_module_state_of_functions_is_listed(root: Path) -> None:
    """SECURITY.md lists each cached function, and no other."""
    told = re.findall(
        r"^\| `(\w+)` in `([\w/.]+)` \|", (root / "SECURITY.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(told) == set(remembering(root))
