"""A window that compares a mask with its controls."""

from diffviews_desktop.ui.panels.experiment.window import ExperimentWindow

__all__ = ["ExperimentWindow"]
