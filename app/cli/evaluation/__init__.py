"""Measures a server's predictions on labelled series."""
