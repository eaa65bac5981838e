"""The headless verbs, one a file: the same engine as the window's, run inline."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence

from diffviews_desktop import paths
from diffviews_desktop.cli.verbs import (
    cache,
    convert,
    convert_checkpoint,
    extract,
    generate,
    import_data,
    info,
    map_layer,
)
from diffviews_desktop.engine.link_process import prepare_environment
from diffviews_desktop.logs import configure_logging
from diffviews_desktop.text import terminal

_VERBS = (
    info,
    extract,
    map_layer,
    generate,
    import_data,
    convert,
    convert_checkpoint,
    cache,
)


def main(arguments: Sequence[str]) -> int:
    """Run a verb; returns the exit code."""
    parser = terminal.Parser(prog=terminal.PROGRAM)
    verbs = parser.add_subparsers(required=True, metavar="verb")
    for verb in _VERBS:
        verb.add_to(verbs)
    options = parser.parse_args(arguments)
    prepare_environment()
    configure_logging(paths.log_file())  # standard error is for what ends the program
    with contextlib.redirect_stdout(sys.stderr):  # an adapter that prints does not spoil the result
        answer = options.run(options)
    if options.json:
        print(json.dumps(answer.result))  # in ASCII, and escaped
    else:
        terminal.say(*answer.lines)
    return answer.code
