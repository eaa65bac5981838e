"""``python -m diffviews_desktop``."""

import sys

from diffviews_desktop.cli import main

if __name__ == "__main__":
    sys.exit(main())
