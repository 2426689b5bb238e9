"""The commands: each module has `add_command`, which adds its parser, and imports the rest when it runs."""
