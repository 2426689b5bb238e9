"""Sends the rows of files and the windows of recordings to a server, and writes the predictions."""
