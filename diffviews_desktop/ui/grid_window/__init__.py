"""Many pictures in one job: what to vary, and the contact sheet."""

from diffviews_desktop.ui.grid_window.window import GridWindow as GridWindow
