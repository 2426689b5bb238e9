"""`completion`: a script for the shell that completes commands, options and files."""

from __future__ import annotations

import argparse

_EXAMPLES = """examples:
  completion bash > ~/.local/share/bash-completion/completions/timeseries-server
  completion zsh > ~/.zfunc/_timeseries-server
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """Raises AppError: shtab is not installed."""
    from app.cli.parser import create_parser
    from app.cli.terminal import write
    from app.errors import AppError

    try:
        import shtab
    except ModuleNotFoundError as error:
        raise AppError(
            'completion needs shtab, which is not installed: pip install "timeseries-server[terminal]"'
        ) from error
    parser = create_parser()
    parser.prog = "timeseries-server"
    write(shtab.complete(parser, shell=options.shell) + "\n")
    return 0
