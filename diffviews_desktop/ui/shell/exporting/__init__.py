"""The window that exports: what there is to choose of each kind, and how it will look."""

from diffviews_desktop.ui.shell.exporting.window import ExportWindow

__all__ = ["ExportWindow"]
