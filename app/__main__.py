"""`python -m app`."""

import sys

from app.cli import main

if __name__ == "__main__":  # workers are started by importing this file again
    sys.exit(main())
