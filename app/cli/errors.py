"""Turns expected errors of commands into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys

from app.cli import exit_codes


def with_short_errors(options: argparse.Namespace) -> int:
    """Run a command; print an expected error as one line, without a traceback.

    Args:
        options: with the command's function as `run`.
    """
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        print(f"{options.command}: interrupted", file=sys.stderr)
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return exit_codes.BROKEN_PIPE
    except Exception as error:
        if not _print_expected(error, options.command):
            raise
        return exit_codes.FAILED


def _print_expected(error: Exception, command: str) -> bool:
    """Print an expected error; False if it is another one."""
    from app.errors import AppError

    if isinstance(error, AppError):
        print(error, file=sys.stderr)
        return True
    if isinstance(error, ModuleNotFoundError):
        if error.name is None or error.name.startswith("app."):
            return False
        print(
            f"{command}: no module named {error.name}; install the server's packages: run pip "
            "install '.[serve]' in the project's folder",
            file=sys.stderr,
        )
        return True
    return isinstance(error, ValueError) and _print_invalid_settings(error)


def _print_invalid_settings(error: ValueError) -> bool:
    """Print pydantic's error for invalid settings, a line for each; False if it is another error."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return False
    from app.settings import variable_name

    for item in error.errors(include_url=False):
        setting = "_".join(map(str, item["loc"])).upper() or "settings"
        print(f"{variable_name(setting, os.environ)}: {item['msg']}", file=sys.stderr)
    return True


def discard_output() -> None:
    """Send to nowhere what is left in the buffer of standard output: it would fail again at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
