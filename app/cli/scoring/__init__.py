"""Scores the rows of files and the windows of recordings, and writes the predictions."""
