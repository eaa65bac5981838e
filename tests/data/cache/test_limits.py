"""How much may be kept: by a variable, by the user's choice, and what a file must say."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffviews_desktop.data.cache.limits import (
    USUAL,
    VARIABLES,
    choose_limit,
    limit_of,
    limits_file,
)
from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.storage import Limit


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)


def test_a_limit_that_is_chosen_counts_from_then_on() -> None:
    assert limit_of("maps") == Limit("maps", USUAL)
    choose_limit("maps", 5_000_000_000)
    choose_limit("experiments", 7)
    choose_limit("maps", 6_000_000_000)
    assert limit_of("maps") == Limit("maps", 6_000_000_000)
    assert limit_of("experiments") == Limit("experiments", 7)


def test_a_variable_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    choose_limit("experiments", 7)
    monkeypatch.setenv("DIFFVIEWS_EXPERIMENTS_MAX_MB", "1.5")
    expected = Limit("experiments", 1_572_864, "DIFFVIEWS_EXPERIMENTS_MAX_MB")
    assert limit_of("experiments") == expected


@pytest.mark.parametrize("count", [-1, 10**16])
def test_what_cannot_be_a_limit_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match="cannot be the limit"):
        choose_limit("maps", count)
    with pytest.raises(UsageError, match="cannot be the limit"):
        choose_limit("downloads", 1)
    assert not limits_file().exists()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"maps": "5"}', '{"maps": -1}', '{"maps": true}', '{"maps": 1e9}']
)
def test_a_damaged_file_never_passes_for_the_usual_limit(text: str) -> None:
    limits_file().parent.mkdir(parents=True)
    limits_file().write_text(text)
    with pytest.raises(UsageError, match=r"limits\.json.*delete it"):
        limit_of("maps")
    with pytest.raises(UsageError, match="delete it"):
        choose_limit("maps", 5)
    assert limits_file().read_text() == text
