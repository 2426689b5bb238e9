"""`key`: makes an API key."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.add_argument("name", type=_key_name, help="name of the client, for the access log")
    parser.set_defaults(run=_run)


def _key_name(text: str) -> str:
    from app.api.middleware.api_keys import is_name

    if not is_name(text):
        raise argparse.ArgumentTypeError(
            f"{text!r}: use 1 to 64 letters, digits, dots, dashes and underscores"
        )
    return text


def _run(options: argparse.Namespace) -> int:
    """Print the key to standard error, and its line for the key file to standard output."""
    from app.api.middleware.api_keys import line_of, new_key

    key = new_key()
    print(
        f"{key}\nThis is the key. It is shown only once. Add the line below to API_KEYS_FILE.",
        file=sys.stderr,
    )
    print(line_of(options.name, key))
    return 0
