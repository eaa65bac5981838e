"""What of the state is kept from one start of the program to the next."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import replace
from pathlib import Path

from diffviews_desktop.state.settings import Settings
from diffviews_desktop.state.state import State
from diffviews_desktop.state.view import View
from diffviews_desktop.ui.common import theme
from diffviews_desktop.values.preferences import (
    DEVICES,
    DRAWINGS,
    LANGUAGES,
    MOST_NEIGHBORS,
    MOST_THREADS,
    RAMPS,
    STARTS,
    TEXT_SIZES,
    Preferences,
    Start,
)
from diffviews_desktop.values.quantities import is_known
from diffviews_desktop.values.stores import BucketSettings


def restore(state: State, settings: Settings) -> State:
    """A state with what the settings remember; what they do not know stays."""
    defaults = state.preferences
    drawing, ramp = settings.text("renderer"), settings.text("ramp")
    preferences = Preferences(
        appearance=theme.choice(),  # that of the settings, or of the command line
        ramp=next((one for one in RAMPS if one == ramp), defaults.ramp),
        drawing=next((one for one in DRAWINGS if one == drawing), defaults.drawing),
        reduced_motion=_is_on(settings, "reduced_motion", defaults.reduced_motion),
        bucket=_bucket(settings, defaults.bucket),
        start=_start(settings, defaults.start),
        most_neighbors=_number(
            settings, "neighbors", defaults.most_neighbors, range(1, MOST_NEIGHBORS + 1)
        ),
        device=next((one for one in DEVICES if one == settings.text("device")), defaults.device),
        threads=_number(settings, "threads", defaults.threads, range(MOST_THREADS + 1)),
        text_size=_number(settings, "text_size", defaults.text_size, TEXT_SIZES),
        language=next(
            (one for one in LANGUAGES if one == settings.text("language")), defaults.language
        ),
        welcomed=_is_on(settings, "welcomed", defaults.welcomed),
    )
    out = settings.text("downloads")
    downloads = replace(state.downloads, out=Path(out)) if out else state.downloads
    view = state.view
    color_by = settings.text("color_by", view.color_by)
    view = replace(
        view,
        color_by=color_by if is_known(color_by) else view.color_by,
        pictures=_is_on(settings, "map/pictures", view.pictures),
        names=_is_on(settings, "map/names", view.names),
        contours=_is_on(settings, "map/contours", view.contours),
    )
    return replace(state, preferences=preferences, view=view, downloads=downloads)


def to_remember(old: State, new: State) -> dict[str, str]:
    """What to keep of what has changed, by the names of the settings."""
    old_values, new_values = _collect(old), _collect(new)
    return {name: value for name, value in new_values.items() if old_values[name] != value}


def _collect(state: State) -> dict[str, str]:
    out = {"downloads": str(state.downloads.out)}
    return {**_of_view(state.view), **_of_preferences(state.preferences), **out}


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
        "bucket/name": preferences.bucket.bucket,
        "bucket/endpoint": preferences.bucket.endpoint,
        "bucket/upload": _word(preferences.bucket.upload),
        "bucket/limit": str(preferences.bucket.limit_bytes),
        "start": preferences.start,
        "neighbors": str(preferences.most_neighbors),
        "device": preferences.device,
        "threads": str(preferences.threads),
        "text_size": str(preferences.text_size),
        "language": preferences.language,
        "welcomed": _word(preferences.welcomed),
    }


def _start(settings: Settings, usual: Start) -> Start:
    """What is opened at the start; earlier versions knew the last session and the demo."""
    fallback: Start = usual if _is_on(settings, "reopen", True) else "demo"
    return next((one for one in STARTS if one == settings.text("start")), fallback)


def _bucket(settings: Settings, usual: BucketSettings) -> BucketSettings:
    limit = settings.text("bucket/limit")
    return BucketSettings(
        bucket=settings.text("bucket/name", usual.bucket),
        endpoint=settings.text("bucket/endpoint", usual.endpoint),
        upload=_is_on(settings, "bucket/upload", usual.upload),
        limit_bytes=int(limit) if re.fullmatch("[0-9]{1,18}", limit) else usual.limit_bytes,
    )


def _number(settings: Settings, name: str, usual: int, allowed: Container[int]) -> int:
    text = settings.text(name)
    number = int(text) if re.fullmatch("[0-9]{1,6}", text) else usual
    return number if number in allowed else usual


def _word(on: bool) -> str:
    return "true" if on else "false"


def _is_on(settings: Settings, name: str, usual: bool) -> bool:
    return settings.text(name, _word(usual)) == "true"
