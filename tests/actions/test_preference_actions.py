"""Preferences that a script gives, too."""

from __future__ import annotations

import pytest
from made_context import context_of

from diffviews_desktop.actions import preferences
from diffviews_desktop.errors import UsageError
from diffviews_desktop.state.session import Session


def test_what_is_not_offered_is_refused_with_what_is(session: Session) -> None:
    context = context_of(session)
    preferences.choose_ramp(context, "cividis")
    preferences.choose_text_size(context, 130)
    with pytest.raises(
        UsageError, match=r"'pink' cannot be chosen\. Choose one of viridis, cividis"
    ):
        preferences.choose_ramp(context, "pink")
    assert session.state.preferences.ramp == "cividis"
    assert session.state.preferences.text_size == 130
