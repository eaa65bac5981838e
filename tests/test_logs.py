"""The log: what its entries quote makes no entries of its own."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from limits import file_limit

from diffviews_desktop.logs import configure_logging

FORGED = "x\n2026-01-01 00:00:00,000 MainProcess INFO diffviews_desktop: all is well\x1b[2J\u202e"
ENTRY = re.compile(r"\d{4}-\d\d-\d\d ")


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    configure_logging(tmp_path / "log.txt")
    return tmp_path / "log.txt"


def test_texts_of_files_forge_no_entries(log_file: Path) -> None:
    log = logging.getLogger("diffviews_desktop.test")
    log.warning("%s", FORGED)
    try:
        raise ValueError(FORGED)
    except ValueError:
        log.exception("it failed: %s", FORGED)
    log.info("a stack", stack_info=True)
    text = log_file.read_text(encoding="utf-8")
    assert sum(bool(ENTRY.match(line)) for line in text.splitlines()) == 3
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert r"all is well\x1b[2J\u202e" in text
    assert "    Traceback (most recent call last):" in text  # readable still
    assert "    ValueError: x\n    2026-01-01" in text


def test_a_long_message_is_shortened(log_file: Path) -> None:
    log = logging.getLogger("diffviews_desktop.test")
    log.warning("%s", "x" * 1_000_000)
    try:
        raise ValueError("y" * 1_000_000)
    except ValueError:
        log.exception("it failed")
    assert log_file.stat().st_size < 30_000


def test_entries_that_cannot_be_written_are_lost_in_silence(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger("diffviews_desktop.test")
    with file_limit(64):
        log.warning("%s", "x" * 1000)
    assert capsys.readouterr().err == ""
    log.warning("written again")
    assert "written again" in log_file.read_text(encoding="utf-8")


WARNING = """
import logging, sys, warnings
from pathlib import Path
from diffviews_desktop.logs import configure_logging
configure_logging(Path(sys.argv[1]) if sys.argv[1] else None)
warnings.warn("a library is old")
import numpy
numpy.float32(1) / numpy.float32(0)
logging.getLogger("a.library").warning("something is odd")
if sys.argv[2] == "diffusers":
    from diffviews_desktop.adapters.formats.diffusers_folder import import_diffusers
    import_diffusers().utils.logging.get_logger("diffusers.models").warning("a config is odd")
"""


@pytest.mark.parametrize("library", ["", "diffusers"])
@pytest.mark.parametrize("file", ["log.txt", ""])
def test_what_libraries_warn_of_is_not_printed(tmp_path: Path, library: str, file: str) -> None:
    log = str(tmp_path / file) if file else ""
    done = subprocess.run(
        [sys.executable, "-c", WARNING, log, library], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
    if file:
        said = (tmp_path / file).read_text()
        for part in ("a library is old", "divide by zero", "something is odd"):
            assert part in said
        assert ("a config is odd" in said) == bool(library)
