"""The window: one panel a file. No torch here."""

from diffviews_desktop.ui.common.overrides import guard_overrides

guard_overrides()
