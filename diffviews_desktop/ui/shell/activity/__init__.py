"""What is going on and what went on: jobs, history, notices, in one window."""

from diffviews_desktop.ui.shell.activity.window import ActivityWindow

__all__ = ["ActivityWindow"]
