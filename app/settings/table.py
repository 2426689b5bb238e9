"""The table of all settings in `docs/settings.md`."""

from __future__ import annotations

from app.settings.settings import Settings


def settings_table() -> str:
    """Every setting with its default and its description, as a Markdown table."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else _as_environment(field.default)
        rows.append(f"| `{name.upper()}` | {default and f'`{default}`'} | {field.description} |")
    return "\n".join(rows)


def _as_environment(value: object) -> str:
    """A value as its environment variable has it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
