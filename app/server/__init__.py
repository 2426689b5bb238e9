"""The processes of the server: the command that starts them, the supervisor and its workers."""
