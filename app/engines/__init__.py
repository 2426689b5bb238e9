"""Runtimes that compute predictions, behind one protocol; one file a runtime."""
