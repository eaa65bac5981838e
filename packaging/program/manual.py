"""The man page and the completions of shells, from the same parsers as ``--help``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import dependencies

from diffviews_desktop.cli.main import window_parser
from diffviews_desktop.cli.verbs import VERBS, add_verb_parser

PROGRAM = dependencies.NAME
SHELLS = {
    "bash": f"bash-completion/completions/{PROGRAM}",
    "zsh": f"zsh/vendor-completions/_{PROGRAM}",
}
"""Where the completion of a shell goes, below ``share``."""
_END = r"""
.SH EXIT STATUS
0 where all was done, 1 where something failed, 2 for a wrong usage, 130 where it was interrupted.
.SH ENVIRONMENT
.TP
.B DIFFVIEWS_DATA_DIR
The data folder that is opened where none is named.
.TP
.B DIFFVIEWS_DEVICE
The device that models run on: cpu, cuda, cuda:1, mps.
.TP
.B DIFFVIEWS_RENDERER
What draws the map: auto, opengl or raster.
.SH FILES
.TP
.I ~/.local/share/diffviews-desktop
Settings, the unpacked demo, downloaded models, adapters of other packages.
.TP
.I ~/.config/diffviews-desktop
The user's own catalogue of models.
.TP
.I ~/.cache/diffviews-desktop
What can be made again: maps of layers, compiled kernels.
.TP
.I ~/.local/state/diffviews-desktop
The last session, the log.
"""


def whole_parser(*, opened: bool) -> argparse.ArgumentParser:
    """The program's parser with those of all verbs.

    Args:
        opened: whether what may stand in the place of a verb, a session or a folder, is in it.
    """
    parser: argparse.ArgumentParser = window_parser()
    if not opened:
        (positional,) = (one for one in parser._actions if one.dest == "session")
        parser._remove_action(positional)
    verbs = parser.add_subparsers(metavar="verb")
    for verb in VERBS:
        add_verb_parser(verb, verbs)
    return parser


def man_page() -> str:
    """The man page, in section 1."""
    parser = whole_parser(opened=True)
    date = time.strftime("%Y-%m-%d", time.gmtime(dependencies.epoch()))
    version = dependencies.version()
    lines = [
        f'.TH DIFFVIEWS\\-DESKTOP 1 "{date}" "DiffViews {version}" "User Commands"',
        ".SH NAME",
        f"{_plain(PROGRAM)} \\- see a diffusion model's activations as a map",
        ".SH SYNOPSIS",
        f".B {_plain(PROGRAM)}",
        "[\\fIOPTION\\fR]... [\\fISESSION.diffviews\\fR|\\fIDIR\\fR]",
        ".br",
        f".B {_plain(PROGRAM)}",
        "\\fIVERB\\fR [\\fIOPTION\\fR]...",
        ".SH DESCRIPTION",
        _plain(parser.description or ""),
        ".SH OPTIONS",
        *_options(parser),
        ".SH VERBS",
        "They need no display.",
    ]
    for name, verb in _verbs(parser):
        lines += _verb(name, verb)
    lines += [".SH EXAMPLES", ".nf", _plain((parser.epilog or "").strip()), ".fi"]
    return "\n".join(lines) + _END


def _verb(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f'.SS "{_plain(name)}"'
    yield _plain(parser.description or "")
    inner = list(_verbs(parser))
    if not inner:
        yield from _options(parser)
    if parser.epilog:
        yield ".PP"
        yield _plain(" ".join(parser.epilog.split()))
    for other, verb in inner:
        yield from _verb(f"{name} {other}", verb)


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    formatter = parser._get_formatter()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        value = "" if action.nargs == 0 else formatter._format_args(action, _meta(action))
        names = ", ".join(f"\\fB{_plain(name)}\\fR" for name in action.option_strings)
        yield ".TP"
        yield f"{names} \\fI{_plain(value)}\\fR".strip() if value else names
        yield _plain(formatter._expand_help(action)) if action.help else ""


def _meta(action: argparse.Action) -> str:
    if action.choices is not None and action.metavar is None:
        return "{" + ",".join(str(choice) for choice in action.choices) + "}"
    return action.metavar if isinstance(action.metavar, str) else action.dest.upper()


def _verbs(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _plain(text: str) -> str:
    """A text as roff shows it: hyphens that can be copied, and no line that is a request."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\n".join(
        f"\\&{line}" if line.startswith((".", "\\(aq")) else line for line in safe.splitlines()
    )


def completion(shell: str) -> str:
    """The completion of a shell."""
    import shtab

    parser = whole_parser(opened=False)
    _name_files(parser)
    text: str = shtab.complete(parser, shell=shell)
    return text


def _name_files(parser: argparse.ArgumentParser) -> None:
    """Say which values are files and folders."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                _name_files(verb)
        elif action.type is Path:
            action.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE  # type: ignore[attr-defined]
