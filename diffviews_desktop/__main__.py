"""``python -m diffviews_desktop``."""

import sys

from diffviews_desktop import safe_path

if __name__ == "__main__":
    safe_path.forget_directory_of_m()

    from diffviews_desktop.cli.main import main

    sys.exit(main())
