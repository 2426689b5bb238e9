"""The exit codes of all commands."""

OK = 0
# The command failed; one line on standard error says why.
FAILED = 1
# Of argparse: the command line is invalid.
USAGE = 2
# `predict`, `evaluate`: some rows could not be scored, all others were.
INCOMPLETE = 3
# As a shell reports a process that a signal ended: Ctrl-C, or a reader such as `head` that has ended.
INTERRUPTED = 130
BROKEN_PIPE = 141

HELP = (
    "exit codes: 0 success; 1 failure, with one line that says why; 2 invalid command line; 3 some rows "
    "could not be scored, all others were; 130 interrupted; 141 the reader of the output has ended"
)
