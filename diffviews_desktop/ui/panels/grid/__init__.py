"""Many pictures in one job: what to vary, and the contact sheet."""

from diffviews_desktop.ui.panels.grid.window import GridWindow as GridWindow
