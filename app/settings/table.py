"""The table of all settings in `docs/settings.md`."""

from __future__ import annotations

from app.settings.settings import Settings


def settings_table() -> str:
    """Every setting with its default and its description, as a Markdown table."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        shown = "" if field.default in (None, (), "") else f"`{default}`"
        rows.append(f"| `{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)
