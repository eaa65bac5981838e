"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from done import Done

from diffviews_desktop.cli import main as cli


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs the command line in this process."""

    def run(*arguments: object) -> Done:
        code = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run
