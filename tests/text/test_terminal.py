"""What is printed cannot steer the terminal, whoever prints it, and can always be encoded."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import traceback

import pytest

from diffviews_desktop.cli import main as cli
from diffviews_desktop.text import terminal
from diffviews_desktop.text.plain import MOST_SHOWN

EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\udc9b"
SHOWN = r"\x1b[2J\x1b]0;title\x07\x9b31m\u202e\udc9b"


def is_plain(text: str) -> bool:
    return all(letter.isprintable() or letter in "\n\t" for letter in text)


def test_lines_are_made_visible(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(f"a{EVIL}", "b\nc")
    assert capsys.readouterr().out == f"a{SHOWN}\nb\\x0ac\n"


def test_a_complaint_is_one_line_and_not_too_long(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.complain(f"{EVIL}\n" + "x" * 100_000 + " end.")
    said = capsys.readouterr().err
    assert said.startswith(f"diffviews-desktop: {SHOWN}\\x0ax")
    assert said.endswith("xxx end.\n")
    assert len(said.splitlines()) == 1
    assert len(said) < MOST_SHOWN + 30


@pytest.mark.parametrize("arguments", [[EVIL], ["info", EVIL], ["map", "--metric", EVIL]])
def test_complaints_about_arguments_are_made_visible(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    said = capsys.readouterr().err
    assert "title" in said
    assert is_plain(said)


@pytest.mark.parametrize(
    ("arguments", "joined"),
    [
        (["--range", "-1,1"], ["--range=-1,1"]),
        (["--range", "-.5;2", "-x"], ["--range=-.5;2", "-x"]),
        (["--range=-2,2", "-1,1"], ["--range=-2,2", "-1,1"]),
        (["a", "-1,1"], ["a", "-1,1"]),
        (["--range", "--json"], ["--range", "--json"]),
        (["-r", "-1"], ["-r", "-1"]),
        (["-1"], ["-1"]),
        ([], []),
    ],
)
def test_values_may_begin_with_a_minus(arguments: list[str], joined: list[str]) -> None:
    assert terminal.join_negatives(arguments) == joined
    parser = terminal.Parser()
    parser.add_argument("--range")
    parser.add_argument("--json", action="store_true")
    assert parser.parse_args(["--range", "-1,1", "--json"]).range == "-1,1"


def test_an_error_that_quotes_a_path_is_made_visible(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--data", "/nowhere\x1b[31m\n"]) == 1
    said = capsys.readouterr().err
    assert r"/nowhere\x1b[31m\x0a" in said
    assert is_plain(said)
    assert len(said.splitlines()) == 1


def test_what_others_print_is_made_visible(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.harmless():
        print(EVIL)
        print("bar\rbar", file=sys.stderr)
        assert logging.lastResort is not None
        logging.lastResort.handle(logging.makeLogRecord({"msg": EVIL, "levelno": 40}))
        try:
            raise KeyError("a") from ValueError(EVIL)
        except KeyError:
            traceback.print_exc()
    out, err = capsys.readouterr()
    assert out == f"{SHOWN}\n"
    assert err.startswith("bar\rbar\n")
    assert err.count(SHOWN) == 2
    assert is_plain(err.replace("\r", ""))
    assert not isinstance(sys.stderr, terminal._Harmless)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8:surrogateescape"])
def test_what_a_terminal_cannot_encode_is_escaped(encoding: str) -> None:
    code = (
        "from diffviews_desktop.text import terminal\n"
        "with terminal.harmless():\n"
        "    terminal.say('σ 0.5 \\udc9b')\n"
        "    terminal.complain('日本 \\udc9b')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONIOENCODING": encoding, "PATH": ""},
        capture_output=True,
        check=True,
    )
    assert rb" 0.5 \udc9b" in done.stdout
    assert rb" \udc9b" in done.stderr
    assert b"\x9b" not in done.stdout + done.stderr


def test_the_bar_still_writes_over_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", seen)
    monkeypatch.setenv("COLUMNS", "12")
    with terminal.harmless():
        terminal.overwrite("half \x1b[31m of a long line")
        terminal.overwrite("")
    assert seen.getvalue() == "\r\x1b[Khalf \\x1b[3\r\x1b[K"
