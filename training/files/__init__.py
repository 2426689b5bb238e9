"""Atomic writes, locks between processes, and storage errors."""
