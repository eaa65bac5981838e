"""The panel of runs: the denoising path, compared with that of no mask."""

from diffviews_desktop.ui.panels.runs.panel import RunsPanel as RunsPanel
