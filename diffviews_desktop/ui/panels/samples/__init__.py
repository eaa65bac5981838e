"""The samples as a table and as pictures, what they are filtered by, and groups of them."""

from diffviews_desktop.ui.panels.samples.panel import SamplesPanel

__all__ = ["SamplesPanel"]
