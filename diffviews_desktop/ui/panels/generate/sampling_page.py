"""How to sample: the sampler, its steps and noise levels, guidance, churn."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import marked, tr
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.widgets import signals_blocked
from diffviews_desktop.ui.panels.generate.fields import (
    Fields,
    choice,
    choice_of,
    decimal,
    grid_of,
    show_row,
    spin,
)
from diffviews_desktop.values.noise_levels import NO_NOISE, PURE_NOISE, percent_of_sigma
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.setting_specs import (
    GUIDANCE_SCALE,
    NOISE_MODE,
    NUM_STEPS,
    S_CHURN,
    S_MAX,
    S_MIN,
    S_NOISE,
    SAMPLER,
    SIGMA_MAX,
    SIGMA_MIN,
    sample_alike,
)

PERCENT = tr(
    "σ {least:g} is 0 % noise and σ {most:g} is 100 %, on a logarithmic scale.",
    least=NO_NOISE,
    most=PURE_NOISE,
)
DEFAULTS, OTHER = tr("the model's own"), tr("custom")
_CHURN_ROW, _LIMITS_ROW = 4, 5


class SamplingPage(QWidget):
    """Signals: ``edited()``, and ``preset_chosen(settings)`` when a preset is taken."""

    edited = Signal()
    preset_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets: tuple[tuple[str, SamplingSettings], ...] = ()
        self.preset = choice_of(tr("Published settings"), {})
        self.steps, self.sampler = spin(NUM_STEPS), choice(SAMPLER)
        self.sigma_max, self.sigma_min = decimal(SIGMA_MAX), decimal(SIGMA_MIN)
        self.guidance, self.noise = decimal(GUIDANCE_SCALE), choice(NOISE_MODE)
        self.churn, self.churn_noise = decimal(S_CHURN), decimal(S_NOISE)
        self.churn_min, self.churn_max = decimal(S_MIN), decimal(S_MAX)
        self._fields = Fields(
            {
                NUM_STEPS: self.steps,
                SAMPLER: self.sampler,
                SIGMA_MAX: self.sigma_max,
                SIGMA_MIN: self.sigma_min,
                GUIDANCE_SCALE: self.guidance,
                NOISE_MODE: self.noise,
                S_CHURN: self.churn,
                S_NOISE: self.churn_noise,
                S_MIN: self.churn_min,
                S_MAX: self.churn_max,
            }
        )
        self._grid = grid_of(
            [
                [(marked("&Preset"), self.preset)],
                [(NUM_STEPS.label, self.steps), (SAMPLER.label, self.sampler)],
                [(SIGMA_MAX.label, self.sigma_max), (SIGMA_MIN.label, self.sigma_min)],
                [(GUIDANCE_SCALE.label, self.guidance), (NOISE_MODE.label, self.noise)],
                [(S_CHURN.label, self.churn), (S_NOISE.label, self.churn_noise)],
                [(S_MIN.label, self.churn_min), (S_MAX.label, self.churn_max)],
            ]
        )
        self.setLayout(self._grid)
        self._fields.connect(self.edited)
        self.preset.activated.connect(self._on_preset)

    def set_state(self, state: State) -> None:
        """Show the settings."""
        with signals_blocked(self.preset, self.sigma_min):
            self._show(state)

    def _show(self, state: State) -> None:
        s = state.runs.settings
        self.sigma_min.setMaximum(s.sigma_max)
        self._fields.show(s)
        self.sigma_max.setToolTip(tip(_in_percent(tr(SIGMA_MAX.help), s.sigma_max), PERCENT))
        self.sigma_min.setToolTip(tip(_in_percent(tr(SIGMA_MIN.help), s.sigma_min), PERCENT))
        meaning = tr(GUIDANCE_SCALE.help)
        note = state.opened.loaded.guidance_note if state.opened.loaded is not None else ""
        self.guidance.setToolTip(tip(f"{meaning}." if note else meaning, note))
        self._fill_presets(state)
        heun = s.sampler == "heun"
        show_row(self._grid, _CHURN_ROW, heun)
        show_row(self._grid, _LIMITS_ROW, heun and s.s_churn > 0)

    def apply_to(self, settings: SamplingSettings) -> SamplingSettings:
        """The settings with what the fields say."""
        s = self._fields.apply_to(settings)
        churn = s.s_churn if s.sampler == "heun" else 0.0
        return replace(s, s_churn=churn, sigma_min=min(s.sigma_min, s.sigma_max))

    def _fill_presets(self, state: State) -> None:
        loaded = state.opened.loaded
        defaults = loaded.settings if loaded is not None else state.runs.settings
        presets = loaded.presets if loaded is not None else ()
        entries = ((DEFAULTS, defaults), *((preset.name, preset.settings) for preset in presets))
        if entries != self._presets:
            self._presets = entries
            self.preset.clear()
            for name, settings in entries:
                self.preset.addItem(entry(name), settings)
            for row, preset in enumerate(presets, 1):
                self.preset.setItemData(row, tip(preset.note), Qt.ItemDataRole.ToolTipRole)
            self.preset.addItem(OTHER, None)
        current = next(
            (
                row
                for row, (_, settings) in enumerate(entries)
                if sample_alike(settings, state.runs.settings)
            ),
            len(entries),
        )
        self.preset.setCurrentIndex(current)
        note = presets[current - 1].note if 0 < current <= len(presets) else ""
        self.preset.setToolTip(tip(note or tr("Published settings for models of this kind")))

    def _on_preset(self, row: int) -> None:
        settings = self.preset.itemData(row)
        if settings is not None:
            self.preset_chosen.emit(settings)


def _in_percent(meaning: str, sigma: float) -> str:
    """What a noise level is in percent of noise."""
    percent = f"{percent_of_sigma(sigma):.3g}"
    return tr("{meaning}: {percent} % noise", meaning=meaning, percent=percent)
