"""Shared by all commands: options, exit codes, signals and one-line errors."""
