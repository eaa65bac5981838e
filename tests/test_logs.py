"""The log: what its entries quote makes no entries of its own."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

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
