"""What a frozen program runs first."""

import multiprocessing
import sys

# the engine is this same program, started with other arguments: nothing else may come before
multiprocessing.freeze_support()

from diffviews_desktop.cli.main import main  # noqa: E402

sys.exit(main())
