"""What of the state is kept from one start of the program to the next."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.state.state import State
from diffviews_desktop.state.view import View
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.settings import Settings
from diffviews_desktop.values.preferences import DRAWINGS, RAMPS, Preferences
from diffviews_desktop.values.quantities import is_known


def restored(state: State, settings: Settings) -> State:
    """A state with what the settings remember; what they do not know stays."""
    before = state.preferences
    drawing, ramp = settings.text("renderer"), settings.text("ramp")
    preferences = Preferences(
        appearance=theme.choice(),  # that of the settings, or of the command line
        ramp=next((one for one in RAMPS if one == ramp), before.ramp),
        drawing=next((one for one in DRAWINGS if one == drawing), before.drawing),
        reduced_motion=_is_on(settings, "reduced_motion", before.reduced_motion),
        reopen=_is_on(settings, "reopen", before.reopen),
    )
    view = state.view
    color_by = settings.text("color_by", view.color_by)
    view = replace(
        view,
        color_by=color_by if is_known(color_by) else view.color_by,
        pictures=_is_on(settings, "map/pictures", view.pictures),
        names=_is_on(settings, "map/names", view.names),
        contours=_is_on(settings, "map/contours", view.contours),
    )
    return replace(state, preferences=preferences, view=view)


def to_remember(old: State, new: State) -> dict[str, str]:
    """What to keep of what has changed, by the names of the settings."""
    before = {**_of_view(old.view), **_of_preferences(old.preferences)}
    now = {**_of_view(new.view), **_of_preferences(new.preferences)}
    return {name: value for name, value in now.items() if before[name] != value}


def _of_view(view: View) -> dict[str, str]:
    return {
        "color_by": view.color_by,
        "map/pictures": _word(view.pictures),
        "map/names": _word(view.names),
        "map/contours": _word(view.contours),
    }


def _of_preferences(preferences: Preferences) -> dict[str, str]:
    return {
        "theme": preferences.appearance,
        "ramp": preferences.ramp,
        "renderer": preferences.drawing,
        "reduced_motion": _word(preferences.reduced_motion),
        "reopen": _word(preferences.reopen),
    }


def _word(on: bool) -> str:
    return "true" if on else "false"


def _is_on(settings: Settings, name: str, usual: bool) -> bool:
    return settings.text(name, _word(usual)) == "true"
