"""The catalogue of published models."""

from diffviews_desktop.ui.panels.models.window import ModelsWindow as ModelsWindow
