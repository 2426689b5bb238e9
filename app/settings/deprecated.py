"""Environment variables that were renamed. Their old names work for one release, with a warning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

# Old name to new name.
RENAMED = {
    "API_KEYS": "API_KEYS_FILE",
    "BRIEF_ROWS": "INLINE_BATCH_ROWS",
    "CLOSED": "PROTECTED_ROUTES",
    "KEEP_ALIVE": "KEEP_ALIVE_TIMEOUT",
    "STALL_AFTER": "STALL_TIMEOUT",
}


def deprecated_values(environment: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Old name, new name and value of each variable that is set by its old name only."""
    values = _values(environment)
    for old, new in RENAMED.items():
        if old in values and new not in values:
            yield old, new, values[old]


def variable_name(setting: str, environment: Mapping[str, str]) -> str:
    """The variable that sets a setting: the new name, unless only the old one is set."""
    for old, new, _ in deprecated_values(environment):
        if new == setting:
            return old
    return setting


def deprecation_warnings(environment: Mapping[str, str]) -> list[str]:
    """One warning for each old name that is set."""
    values = _values(environment)
    return [
        f"{old} is ignored because {new} is set; unset {old}, it is deprecated and will be removed in the "
        "next release."
        if new in values
        else f"{old} is deprecated and will be removed in the next release; set {new} instead."
        for old, new in RENAMED.items()
        if old in values
    ]


def _values(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables by upper-case name, without empty ones: as `Settings` reads them."""
    return {name.upper(): value for name, value in environment.items() if value.strip()}
