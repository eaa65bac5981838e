"""What is known of the sample, or of the step of a run, under the mouse."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from diffviews_desktop.actions.context import Context
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.wording import caption_lines
from diffviews_desktop.ui.common.images import PictureLoader, to_qimage
from diffviews_desktop.ui.views.flat.card import HoverCard
from diffviews_desktop.ui.views.solid.switch import MapSwitch
from diffviews_desktop.values.quantities import COLUMN


class Cards:
    """Shows a card beside what is under the mouse.

    Args:
        context: whose state is shown.
        switch: knows the view that is shown.
        pictures: reads the samples' pictures.
        area: over which the card floats.
    """

    def __init__(
        self, context: Context, switch: MapSwitch, pictures: PictureLoader, area: QWidget
    ) -> None:
        self._context, self._switch = context, switch
        self._pictures, self._area = pictures, area
        self._of: object = None
        self.card = HoverCard(area)
        pictures.loaded.connect(self._on_loaded)

    def hide(self) -> None:
        """Show no card."""
        self.card.hide()

    def show_sample(self, row: int | None) -> None:
        """Show what is known of a sample."""
        state, view = self._context.state, self._switch.current
        samples, layer_map = state.opened.samples, state.opened.layer_map
        self._of = row
        if row is None or samples is None or layer_map is None or view is None:
            self.card.hide()
            return
        facts = [f"#{row}   {samples.sample_id[row]}", f"σ {samples.sigma[row]:g}"]
        if layer_map.trust is not None and layer_map.trust[row] == layer_map.trust[row]:
            facts[1] += "   " + tr("trust {value:.2f}", value=layer_map.trust[row])
        if layer_map.kept is not None and layer_map.kept[row] == layer_map.kept[row]:
            facts[1] += "   " + tr("kept {value:.2f}", value=layer_map.kept[row])
        if state.colored_by.startswith(COLUMN):
            facts.append(_of_column(state, row))
        facts += caption_lines(samples.caption(row))
        path = samples.picture(row)
        self.card.show_facts(samples.title(row), facts, self._pictures.get(path), str(path))
        self._put(view.position_of(row))

    def show_step(self, step: tuple[int, int] | None) -> None:
        """Show a step of a run."""
        view = self._switch.current
        if step is None or view is None:
            if not isinstance(self._of, int):
                self.card.hide()
            return
        self._of = step
        run_id, index = step
        run = self._context.state.runs.run(run_id)
        if run is None or index >= len(run.steps):
            return
        run_step = run.steps[index]
        title = tr("Step {step} of {steps}", step=index + 1, steps=run.job.settings.num_steps)
        facts = [run.name, f"σ {run_step.sigma:.3g}"]
        if run_step.typicality is not None:
            facts += run_step.typicality.lines
        facts.append(tr("Click goes there"))
        self.card.show_facts(title, facts, to_qimage(run_step.image))
        self._put(view.position_of_step(run_id, index))

    def _put(self, place: QPointF | None) -> None:
        view = self._switch.current
        if view is not None and place is not None:
            at = view.viewport.mapTo(self._area, place.toPoint())
            self.card.show_beside(at, self._area.rect())

    def _on_loaded(self, path: str, image: QImage) -> None:
        if self.card.isVisible() and path == self.card.path:
            self.card.set_image(image)


def _of_column(state: State, row: int) -> str:
    """What the column that the colours tell says of a sample."""
    samples = state.opened.samples
    assert samples is not None
    name = state.colored_by.removeprefix(COLUMN)
    value = samples.columns[name].text_of(row) or tr("no value")
    return f"{name}: {value}"
