"""The import assistant: pictures in, a data folder out. One page a file."""

from __future__ import annotations

from diffviews_desktop.ui.assistants.importing.assistant import ImportAssistant

__all__ = ["ImportAssistant"]
