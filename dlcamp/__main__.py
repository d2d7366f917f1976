"""`python -m dlcamp WORD VARIABLE=value ...`: the words of the Makefile."""

import sys

from dlcamp.cli.main import main

sys.exit(main(sys.argv[1:]))
