"""How to sample: the sampler, its steps and noise levels, guidance, churn."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.widgets import signals_blocked
from diffviews_desktop.ui.panels.generate.fields import choice, decimal, grid_of, show_row, spin
from diffviews_desktop.values.sampling import GenerateSettings

NOISE = {
    "stochastic": "stochastic: a new seed each time, unless one is locked",
    "fixed": "fixed: the same seed each time",
    "zero": "zero: no noise at all",
}
SAMPLERS = {
    "renoise": "renoise: predict the picture, add noise of the next level, and so on; the way of "
    "DMD2 and other few-step models",
    "heun": "heun: EDM's second-order sampler; two evaluations a step but for the last",
}
GUIDANCE = "Classifier-free guidance; 1 is none"
OWN, OTHER = "the model's own", "other"
_CHURN_ROW, _LIMITS_ROW = 4, 5


class SamplingPage(QWidget):
    """Signals: ``edited()``, and ``preset_chosen(settings)`` when somebody's settings are taken."""

    edited = Signal()
    preset_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets: tuple[tuple[str, GenerateSettings], ...] = ()
        self.preset = choice("Published settings", {})
        self.steps = spin("Denoising steps", 1, 1000)
        self.sampler = choice("Sampler", SAMPLERS)
        self.sigma_max = decimal("Noise level of the first step", 0.001, 1000.0, 3, 1.0)
        self.sigma_min = decimal("Noise level of the last step", 0.001, 1000.0, 3, 0.05)
        self.guidance = decimal(GUIDANCE, 0.0, 50.0, 2, 0.1)
        self.noise = choice("Noise mode", NOISE)
        self.churn = decimal("Noise that the sampler adds over the run; 0 for none", 0, 1000, 2, 5)
        self.churn_noise = decimal("Standard deviation of the added noise", 0, 10, 4, 0.001)
        self.churn_min = decimal("Lowest noise level at which it is added", 0, 1000, 3, 0.01)
        self.churn_max = decimal(
            "Highest noise level at which it is added; 0 for no limit", 0, 1000, 3, 1
        )
        self.churn_max.setSpecialValueText("no limit")
        self._grid = grid_of(
            [
                [("&Preset", self.preset)],
                [("S&teps", self.steps), ("Sam&pler", self.sampler)],
                [("σ ma&x", self.sigma_max), ("σ mi&n", self.sigma_min)],
                [("Gu&idance", self.guidance), ("N&oise", self.noise)],
                [("Churn", self.churn), ("of", self.churn_noise)],
                [("σ from", self.churn_min), ("to", self.churn_max)],
            ]
        )
        self.setLayout(self._grid)
        self.steps.valueChanged.connect(self.edited)
        for field in (
            self.sigma_max, self.sigma_min, self.guidance, self.churn, self.churn_noise,
            self.churn_min, self.churn_max,
        ):  # fmt: skip
            field.valueChanged.connect(self.edited)
        for combo in (self.sampler, self.noise):
            combo.currentIndexChanged.connect(self.edited)
        self.preset.activated.connect(self._on_preset)

    def set_state(self, state: State) -> None:
        """Show the settings."""
        with signals_blocked(
            self.preset, self.steps, self.sampler, self.sigma_max, self.sigma_min, self.guidance,
            self.noise, self.churn, self.churn_noise, self.churn_min, self.churn_max,
        ):  # fmt: skip
            self._show(state)

    def _show(self, state: State) -> None:
        s = state.settings
        self.sigma_min.setMaximum(s.sigma_max)
        for field, value in (
            (self.sigma_max, s.sigma_max),
            (self.sigma_min, s.sigma_min),
            (self.guidance, s.guidance_scale),
            (self.churn, s.s_churn),
            (self.churn_noise, s.s_noise),
            (self.churn_min, s.s_min),
            (self.churn_max, s.s_max or 0.0),
        ):
            if field.value() != value:
                field.setValue(value)
        if self.steps.value() != s.num_steps:
            self.steps.setValue(s.num_steps)
        self.sampler.setCurrentIndex(self.sampler.findData(s.sampler))
        self.noise.setCurrentIndex(self.noise.findData(s.noise_mode))
        note = state.loaded.guidance_note if state.loaded is not None else ""
        self.guidance.setToolTip(tip(f"{GUIDANCE}." if note else GUIDANCE, note))
        self._fill_presets(state)
        heun = s.sampler == "heun"
        show_row(self._grid, _CHURN_ROW, heun)
        show_row(self._grid, _LIMITS_ROW, heun and s.s_churn > 0)

    def changed(self, settings: GenerateSettings) -> GenerateSettings:
        """The settings with what the fields say."""
        heun = self.sampler.currentData() == "heun"
        return replace(
            settings,
            num_steps=self.steps.value(),
            sampler=self.sampler.currentData(),
            sigma_max=self.sigma_max.value(),
            sigma_min=min(self.sigma_min.value(), self.sigma_max.value()),
            guidance_scale=self.guidance.value(),
            noise_mode=self.noise.currentData(),
            s_churn=self.churn.value() if heun else 0.0,
            s_noise=self.churn_noise.value(),
            s_min=self.churn_min.value(),
            s_max=self.churn_max.value() or None,
        )

    def _fill_presets(self, state: State) -> None:
        loaded = state.loaded
        own = loaded.settings if loaded is not None else state.settings
        presets = loaded.presets if loaded is not None else ()
        known = ((OWN, own), *((preset.name, preset.settings) for preset in presets))
        if known != self._presets:
            self._presets = known
            self.preset.clear()
            for name, settings in known:
                self.preset.addItem(entry(name), settings)
            for row, preset in enumerate(presets, 1):
                self.preset.setItemData(row, tip(preset.note), Qt.ItemDataRole.ToolTipRole)
            self.preset.addItem(OTHER, None)
        current = next(
            (row for row, (_, settings) in enumerate(known) if _alike(settings, state.settings)),
            len(known),
        )
        self.preset.setCurrentIndex(current)
        note = presets[current - 1].note if 0 < current <= len(presets) else ""
        self.preset.setToolTip(tip(note or "Published settings for models of this kind"))

    def _on_preset(self, row: int) -> None:
        settings = self.preset.itemData(row)
        if settings is not None:
            self.preset_chosen.emit(settings)


SAMPLING = (
    "num_steps", "sampler", "sigma_max", "sigma_min", "rho", "guidance_scale", "s_churn",
)  # fmt: skip


def _alike(one: GenerateSettings, other: GenerateSettings) -> bool:
    """Whether two settings sample in the same way."""
    names = SAMPLING if not one.s_churn else (*SAMPLING, "s_min", "s_max", "s_noise")
    return all(getattr(one, name) == getattr(other, name) for name in names)
