"""The window: one panel a file. No torch here."""

# isort: off
from diffviews_desktop.ui.common import usual_imports  # noqa: F401  # before anything of Qt
from diffviews_desktop.ui.common.overrides import guard_overrides

guard_overrides()
