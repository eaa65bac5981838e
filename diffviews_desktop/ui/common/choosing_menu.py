"""What the samples of a group can do to the selection, in the menu of the group."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QMenu

from diffviews_desktop.state.picks import Choosing
from diffviews_desktop.text.translation import tr

_WAYS: tuple[tuple[str, Choosing], ...] = (
    (tr("&Select its samples"), "replace"),
    (tr("&Add them to the selection"), "add"),
    (tr("&Take them out of the selection"), "remove"),
)


def offer_choosing(menu: QMenu, choose: Callable[[Choosing], object]) -> None:
    """Add to a menu the ways to select the samples of a group."""
    for title, way in _WAYS:
        menu.addAction(title, partial(choose, way))
