"""What a notice offers to do."""

from __future__ import annotations

from collections.abc import Callable

from diffviews_desktop.actions import downloads, folders
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.sessions import reload_folder
from diffviews_desktop.state.state import Offer


def _show_reports(context: Context) -> None:
    context.window.show_page("crash reports")


_OFFERED: dict[Offer, Callable[[Context], None]] = {
    "convert": folders.convert_checkpoint,
    "load": folders.load_model,
    "open": downloads.open_done,
    "import": downloads.open_done,
    "reload": reload_folder,
    "report": _show_reports,
}


def take_offer(context: Context, name: Offer) -> None:
    """Do what was offered."""
    _OFFERED[name](context)
