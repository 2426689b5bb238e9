"""Settings of the server."""

from app.settings.deprecated import deprecation_warnings, variable_name
from app.settings.settings import Settings

__all__ = ["Settings", "deprecation_warnings", "variable_name"]
