"""The Generate panel: how to draw, how the mask acts, and grids of pictures."""

from diffviews_desktop.ui.panels.generate.panel import GeneratePanel as GeneratePanel
