"""Every action: menus, keys, tool strip, the map's menu and the list of keys are made of these."""

from __future__ import annotations

from diffviews_desktop.actions import (
    asking,
    directions,
    downloads,
    experiments,
    exports,
    finding,
    folders,
    groups,
    interventions,
    jobs,
    keeping,
    leaving,
    maps,
    picks,
    placing,
    preferences,
    run_list,
    runs,
    sample,
    selection,
    sessions,
    showing,
    tour,
    views,
)
from diffviews_desktop.actions.action import Action, Choice, MenuName, RunAction, SampleAction
from diffviews_desktop.text.translation import tr

MENUS: dict[MenuName, str] = {
    "file": tr("&File"),
    "edit": tr("&Edit"),
    "view": tr("&View"),
    "map": tr("&Map"),
    "generate": tr("&Generate"),
    "help": tr("&Help"),
}
_TOPICS = (
    folders,
    downloads,
    sessions,
    keeping,
    exports,
    picks,
    placing,
    selection,
    groups,
    finding,
    showing,
    views,
    maps,
    runs,
    experiments,
    interventions,
    directions,
    asking,
    jobs,
    leaving,
    tour,
)
ACTIONS: dict[str, Action] = {
    action.id: action for topic in (*_TOPICS, preferences) for action in topic.ACTIONS
}
"""By id, in the order in which a group of a menu shows them."""
CHOICES: dict[str, Choice] = {
    choice.id: choice
    for topic in (folders, sessions, preferences, showing, interventions, directions)
    for choice in topic.CHOICES
}
SAMPLE_ACTIONS: tuple[SampleAction, ...] = sample.SAMPLE_ACTIONS
RUN_ACTIONS: tuple[RunAction, ...] = run_list.RUN_ACTIONS


def in_menu(menu: MenuName) -> list[list[Action | Choice]]:
    """What a menu shows, group by group."""
    every: list[Action | Choice] = [*ACTIONS.values(), *CHOICES.values()]
    entries = [one for one in every if one.menu == menu]
    groups = sorted({one.group for one in entries})
    return [[one for one in entries if one.group == group] for group in groups]
