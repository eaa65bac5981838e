"""Exit codes of the program; argparse itself gives 2 for wrong usage."""

DONE, FAILED, INTERRUPTED = 0, 1, 130
