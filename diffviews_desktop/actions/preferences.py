"""What the user prefers, and the windows that say something of the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from diffviews_desktop.actions.action import Action, Choice, Option
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.verbs import repeated_verb, verb
from diffviews_desktop.errors import UsageError
from diffviews_desktop.text import translation
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.preferences import (
    APPEARANCES,
    DEVICES,
    DRAWINGS,
    LANGUAGES,
    MOST_NEIGHBORS,
    MOST_THREADS,
    RAMPS,
    STARTS,
    TEXT_SIZES,
    Preferences,
)

APPEARANCE_TITLES = {"system": tr("&System"), "light": tr("&Light"), "dark": tr("&Dark")}
DRAWING_TITLES = {
    "auto": tr("&Automatic"),
    "opengl": tr("&OpenGL (graphics card)"),
    "raster": tr("&Raster (no graphics card)"),
}
RAMP_TITLES = {
    "viridis": tr("&Viridis"),
    "cividis": tr("&Cividis (the same for every colour vision)"),
    "magma": tr("&Magma"),
    "inferno": tr("&Inferno"),
}
LANGUAGE_TITLES = {"system": tr("As the system"), **translation.LANGUAGES}
DEVICE_TITLES = {
    "auto": tr("The best there is"),
    "cpu": tr("Processor"),
    "cuda": tr("Graphics card (CUDA)"),
    "mps": tr("Apple's graphics (MPS)"),
}
START_TITLES = {
    "session": tr("The last session"),
    "folder": tr("The last folder, without its session"),
    "demo": tr("The demo"),
}
Offered = TypeVar("Offered")


def prefer(context: Context, preferences: Preferences) -> None:
    """Use other preferences."""
    context.update(replace(context.state, preferences=preferences))


def _one_of(options: Sequence[Offered], value: object) -> Offered:
    """A value, which a script may give, as one of those that are offered."""
    for one in options:
        if one == value:
            return one
    raise UsageError(
        tr(
            "{value!r} cannot be chosen. Choose one of {offered}.",
            value=value,
            offered=", ".join(map(str, options)),
        )
    )


@verb
def choose_appearance(context: Context, value: object) -> None:
    """Choose light, dark, or what the desktop uses."""
    prefer(context, replace(context.state.preferences, appearance=_one_of(APPEARANCES, value)))


@verb
def choose_ramp(context: Context, value: object) -> None:
    """Show values from low to high in other colours."""
    prefer(context, replace(context.state.preferences, ramp=_one_of(RAMPS, value)))


@verb
def choose_drawing(context: Context, value: object) -> None:
    """Draw the map by OpenGL, into a picture, or by what is faster here."""
    prefer(context, replace(context.state.preferences, drawing=_one_of(DRAWINGS, value)))


@verb
def choose_text_size(context: Context, value: object) -> None:
    """Show texts larger or smaller from the next start, in percent of what the desktop has."""
    prefer(context, replace(context.state.preferences, text_size=_one_of(TEXT_SIZES, value)))


@verb
def choose_language(context: Context, value: object) -> None:
    """Show texts in a language, or in the system's, from the next start."""
    prefer(context, replace(context.state.preferences, language=_one_of(LANGUAGES, value)))


@verb
def choose_device(context: Context, value: object) -> None:
    """Run the model on a device from the next start."""
    prefer(context, replace(context.state.preferences, device=_one_of(DEVICES, value)))


@repeated_verb
def choose_threads(context: Context, count: int) -> None:
    """Let the engine use so many threads of the processor from the next start; 0 for all but
    one."""
    threads = min(max(count, 0), MOST_THREADS)
    prefer(context, replace(context.state.preferences, threads=threads))


@repeated_verb
def choose_most_neighbors(context: Context, count: int) -> None:
    """Let a mask average at most so many neighbours; those that are picked stay."""
    most = min(max(count, 1), MOST_NEIGHBORS)
    prefer(context, replace(context.state.preferences, most_neighbors=most))


@verb
def toggle_motion(context: Context) -> None:
    """Let nothing move by itself, or let it."""
    preferences = context.state.preferences
    prefer(context, replace(preferences, reduced_motion=not preferences.reduced_motion))


@verb
def choose_start(context: Context, value: object) -> None:
    """Start with the last session, the folder that was opened last, or the demo."""
    prefer(context, replace(context.state.preferences, start=_one_of(STARTS, value)))


def _options(titles: dict[str, str]) -> Sequence[Option]:
    return [Option(value, title) for value, title in titles.items()]


APPEARANCE = Choice(
    "preferences.appearance",
    tr("&Appearance"),
    lambda context: _options(APPEARANCE_TITLES),
    choose_appearance,
    chosen=lambda context: context.state.preferences.appearance,
    group=2,
)
RAMP = Choice(
    "preferences.ramp",
    tr("&Colours of values"),
    lambda context: _options(RAMP_TITLES),
    choose_ramp,
    chosen=lambda context: context.state.preferences.ramp,
    group=2,
)
DRAWING = Choice(
    "preferences.drawing",
    tr("&Drawing of the map"),
    lambda context: _options(DRAWING_TITLES),
    choose_drawing,
    chosen=lambda context: context.state.preferences.drawing,
    group=2,
)
TEXT_SIZE = Choice(
    "preferences.text-size",
    tr("&Text size"),
    lambda context: [Option(one, f"{one} %") for one in TEXT_SIZES],
    choose_text_size,
    chosen=lambda context: context.state.preferences.text_size,
)
LANGUAGE = Choice(
    "preferences.language",
    tr("&Language"),
    lambda context: _options(LANGUAGE_TITLES),
    choose_language,
    chosen=lambda context: context.state.preferences.language,
)
DEVICE = Choice(
    "preferences.device",
    tr("&Device"),
    lambda context: _options(DEVICE_TITLES),
    choose_device,
    chosen=lambda context: context.state.preferences.device,
)
MOTION = Action(
    "preferences.motion",
    tr("Reduce &motion"),
    toggle_motion,
    menu="view",
    group=1,
    meaning=tr("Nothing glides or flies; the desktop may ask for that, too."),
    checked=lambda state: state.preferences.reduced_motion,
)
START = Choice(
    "preferences.start",
    tr("At the &start"),
    lambda context: _options(START_TITLES),
    choose_start,
    chosen=lambda context: context.state.preferences.start,
)
CHOICES = (APPEARANCE, RAMP, DRAWING)
ACTIONS = (
    Action(
        "window.palette",
        tr("&Find anything…"),
        lambda context: context.window.show_page("palette"),
        keys=("Ctrl+Shift+P",),
        menu="edit",
        group=3,
        meaning=tr("Find an action, a model, a layer, a sample, a run or a class by its name."),
    ),
    Action(
        "window.preferences",
        tr("&Preferences…"),
        lambda context: context.window.show_page("preferences"),
        keys=("Ctrl+,",),
        menu="edit",
        group=3,
    ),
    MOTION,
    Action(
        "window.reset-layout",
        tr("&Reset layout"),
        lambda context: context.window.reset_layout(),
        menu="view",
        group=3,
    ),
    Action(
        "window.quit",
        tr("&Quit"),
        lambda context: _quit(context),
        keys=("Ctrl+Q",),
        menu="file",
        group=4,
    ),
    Action(
        "window.keys",
        tr("&Keyboard shortcuts"),
        lambda context: context.window.show_page("keys"),
        keys=("F1",),
        menu="help",
    ),
    Action(
        "window.explained",
        tr("&What the map shows"),
        lambda context: context.window.show_page("explained"),
        keys=("Shift+F1",),
        menu="help",
        meaning=tr("The marks on the map, and what distances and trust mean."),
    ),
    Action(
        "window.model",
        tr("&Model and adapters"),
        lambda context: context.window.show_page("model"),
        menu="help",
    ),
    Action(
        "window.log",
        tr("Open the &log"),
        lambda context: context.window.show_page("log"),
        menu="help",
    ),
    Action(
        "window.crashes",
        tr("&Crash reports…"),
        lambda context: context.window.show_page("crash reports"),
        menu="help",
        meaning=tr("What went wrong unexpectedly, kept on this computer."),
    ),
    Action(
        "window.about",
        tr("&About DiffViews"),
        lambda context: context.window.show_page("about"),
        menu="help",
    ),
)


def _quit(context: Context) -> None:
    context.window.close()
