"""A plugin of pytest, which imports it before anything of the window: ``-p german_texts``."""

from __future__ import annotations

from diffviews_desktop import paths
from diffviews_desktop.text import translation

translation.use("de", paths.translations())
