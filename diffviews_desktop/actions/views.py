"""Views with a name: which samples are shown, and what colours and sizes tell."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.reasons import no_folder
from diffviews_desktop.actions.showing import narrow
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.state.state import State
from diffviews_desktop.state.view import NamedView
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr

MOST_VIEWS = 100


@verb
def keep_view(context: Context, name: str) -> None:
    """Keep the filters, the highlighted class, and what colours and sizes tell under a name; a view
    of the same name is replaced."""
    state = context.state
    view, groups = state.view, state.groups
    name = visible(name.strip(), MOST_OF_NAME)
    if not name:
        return
    entry = NamedView(name, view.filters, view.highlighted_class, view.color_by, view.size_by)
    new = groups.with_view(entry)
    if len(new.views) > MOST_VIEWS:
        context.say(
            tr(
                "There are {most_views} named views. Delete one to keep another.",
                most_views=MOST_VIEWS,
            )
        )
        return
    _change(context, new.views, tr("keep view {name}", name=name))
    context.say(tr("Kept the view {name}.", name=name))


@verb
def use_view(context: Context, name: str) -> None:
    """Show the samples of a named view, in its colours and sizes."""
    entry = next((one for one in context.state.groups.views if one.name == name), None)
    if entry is None:
        return
    narrow(context, entry.filters, entry.highlighted_class, tr("view {name}", name=name))
    state = context.state
    view = replace(state.view, color_by=entry.color_by, size_by=entry.size_by)
    context.update(replace(state, view=view))


@verb
def delete_view(context: Context, name: str) -> None:
    """Drop a named view; what is shown stays as it is."""
    views = context.state.groups.without_view(name).views
    _change(context, views, tr("delete view {name}", name=name))


def _change(context: Context, new: tuple[NamedView, ...], text: str) -> None:
    """Have other named views, as a step that can be undone."""
    old = context.state.groups.views
    if new != old:
        context.session.step(partial(_with_views, new), partial(_with_views, old), text)


def _with_views(views: tuple[NamedView, ...], state: State) -> State:
    return replace(state, groups=replace(state.groups, views=views))


def ask_view_name(context: Context) -> None:
    """Ask what the view is to be called, and keep it."""
    name = context.window.ask_text(tr("Keep the view"), tr("What is this view called?"))
    if name:
        keep_view(context, name)


KEEP = Action(
    "views.keep",
    tr("Keep the view…"),
    ask_view_name,
    menu="map",
    group=3,
    meaning=tr("Keep the filters and colours under a name; they are saved with the session."),
    why_not=no_folder,
)
ACTIONS = (KEEP,)
