"""One server each, as its own documentation has it. Run by its own interpreter, set by the environment."""
