"""What the commands of this package share: options, exit codes, signals, and errors in one line."""
