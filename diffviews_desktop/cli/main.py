"""The command line: the window, and the verbs that do the same work without it."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from diffviews_desktop import __version__, paths, safe_path
from diffviews_desktop.cli.codes import FAILED, INTERRUPTED
from diffviews_desktop.cli.option_types import layer_set, session_or_folder
from diffviews_desktop.cli.options import add_folder_options, folder_of, map_parameters_of
from diffviews_desktop.cli.verbs import VERBS, add_verb_parser
from diffviews_desktop.errors import DiffViewsError, explain
from diffviews_desktop.files.interrupts import insistent
from diffviews_desktop.text import terminal, translation

log = logging.getLogger(__name__)

_EXAMPLES = """\
examples:
  diffviews-desktop                          the last session, else the bundled demo
  diffviews-desktop mask.diffviews           a session that you saved
  diffviews-desktop ./data                   your own data folder
  diffviews-desktop --screenshot map.png     a picture of the window, then the end
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    safe_path.forget_empty_elements()
    with terminal.harmless():
        return _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: list[str]) -> int:
    try:
        try:
            return _run(arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where a failure can be told
    except BrokenPipeError:  # the reader, "head" for one, has seen enough
        _discard_output()
        return FAILED
    except (DiffViewsError, OSError, MemoryError) as error:
        log.info("the program ends", exc_info=True)
        terminal.complain(explain(error))
        _discard_output()
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # a model of another package can fail in any way
        log.exception("unexpected error")
        terminal.complain(f"{explain(error)} Details: {paths.log_file()}")
        _discard_output()
        return FAILED


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in VERBS:
        return _run_verb(arguments)
    return _open_window(arguments)


def _run_verb(arguments: list[str]) -> int:
    parser = terminal.Parser(prog=terminal.PROGRAM)
    add_verb_parser(arguments[0], parser.add_subparsers(required=True, metavar="verb"))
    options = parser.parse_args(arguments)

    from diffviews_desktop.engine.link_process import prepare_environment
    from diffviews_desktop.logs import configure_logging

    prepare_environment()
    configure_logging(paths.log_file())  # standard error is for what ends the program
    # an adapter that prints does not spoil the result
    with contextlib.redirect_stdout(sys.stderr), insistent():
        answer = options.run(options)
    if options.json:
        print(json.dumps(answer.result))  # in ASCII, and escaped
    else:
        terminal.say(*answer.lines)
    return int(answer.code)


def _discard_output() -> None:
    """Let what could not be printed go, or Python would try again at its end and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _verbs() -> str:
    lines = (f"  {terminal.PROGRAM} {verb.example}" for verb in VERBS.values())
    return "\n".join(["verbs, which need no display (each has its own --help):", *lines])


def window_parser() -> terminal.Parser:
    """The parser of the program without a verb."""
    parser = terminal.Parser(
        prog=terminal.PROGRAM,
        description="See a diffusion model's activations as a map, and draw from a region of it.",
        epilog=f"{_verbs()}\n\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "session",
        nargs="?",
        type=session_or_folder,
        metavar="SESSION.diffviews",
        help="a session, or a data folder, to open (default: the last session, else the bundled "
        "demo)",
    )
    add_folder_options(parser, layer=layer_set)
    parser.add_argument(
        "--screenshot", type=Path, metavar="FILE", help="save a picture of the window and exit"
    )
    parser.add_argument("--theme", choices=("light", "dark"), help="instead of the system's")
    parser.add_argument(
        "--language",
        choices=tuple(translation.LANGUAGES),
        help="of the window's texts, instead of the preferred one",
    )
    parser.add_argument("--reset", action="store_true", help="forget window layout and settings")
    parser.add_argument("--version", action="version", version=f"diffviews-desktop {__version__}")
    return parser


def _window_options(arguments: list[str]) -> argparse.Namespace:
    parser = window_parser()
    options = parser.parse_args(arguments)
    opened = options.session
    if opened is not None and not opened.name.endswith(paths.SESSION_SUFFIX):
        if options.data is not None:
            parser.error("name the data folder once, with --data or without")
        options.data, options.session = opened, None
    return options


def language_of(options: argparse.Namespace) -> str:
    """That of the command line, else the preferred one, else the system's."""
    from diffviews_desktop.state.settings import stored_text

    preference = "" if options.reset else stored_text("language")
    return options.language or preference or "system"


def _open_window(arguments: list[str]) -> int:
    options = _window_options(arguments)

    from diffviews_desktop.display import display_problem

    problem = display_problem()
    if problem is not None:
        terminal.complain(problem)
        return FAILED

    translation.use(language_of(options), paths.translations())
    gc.disable()  # until the window is there: what is made until then stays
    from diffviews_desktop.app import Options, run

    return run(
        Options(
            session=options.session,
            folder=folder_of(options),
            parameters=map_parameters_of(options),
            told=options.told,
            model=options.model,
            layer=options.layer,
            device=options.device,
            screenshot=options.screenshot,
            reset=options.reset,
            theme=options.theme,
        )
    )
