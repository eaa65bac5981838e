"""What the map shows of the samples, and how it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from diffviews_desktop.actions.action import Action, Choice, Option
from diffviews_desktop.actions.context import Context, Move
from diffviews_desktop.actions.reasons import no_anchor, no_map
from diffviews_desktop.actions.verbs import repeated_verb, verb
from diffviews_desktop.state.state import State
from diffviews_desktop.state.view import Filter, Rectangle, Tool, View
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.camera import Camera
from diffviews_desktop.values.quantities import COLUMN, QUANTITIES, ColorBy

Decoration = Literal["pictures", "names", "contours"]


def _look(context: Context, view: View) -> None:
    context.update(replace(context.state, view=view))


# ---- quantities ---------------------------------------------------------------------------------


@verb
def change_color(context: Context, by: ColorBy) -> None:
    """Let the colour of the points tell another quantity."""
    _look(context, replace(context.state.view, color_by=by))


@verb
def change_size(context: Context, by: ColorBy | None) -> None:
    """Choose what the size of the points tells; None for nothing."""
    _look(context, replace(context.state.view, size_by=by))


@verb
def change_third_axis(context: Context, by: ColorBy) -> None:
    """Choose what the third axis shows, for this map and those to come that have it."""
    _look(context, replace(context.state.view, third_axis=by))


@repeated_verb
def filter_values(context: Context, by: ColorBy, low: float | None, high: float | None) -> None:
    """Show only the samples whose value lies in a range, among those that other filters leave; None
    for no limit."""
    _filter(context, Filter(by, low, high))


@verb
def toggle_category(context: Context, by: ColorBy, number: int) -> None:
    """Hide the samples of a category, by its position, or show them again."""
    hidden = context.state.view.hidden_categories(by) ^ {number}
    _filter(context, Filter(by, hidden=hidden))


@verb
def only_category(context: Context, by: ColorBy, number: int, count: int) -> None:
    """Show only the samples of one of ``count`` categories; all, where that is so already."""
    view = context.state.view
    others = frozenset(range(-1, count)) - {number}
    same = view.hidden_categories(by) == others
    _filter(context, Filter(by, hidden=frozenset() if same else others))


@verb
def drop_filter(context: Context, by: ColorBy) -> None:
    """Filter by a quantity no longer; other filters stay."""
    _filter(context, Filter(by))


@verb
def show_all(context: Context) -> None:
    """Hide and dim no samples; picks stay."""
    narrow(context, (), None, tr("show all"))


@verb
def highlight_class(context: Context, number: int | None) -> None:
    """Highlight a class on the map and dim the rest; None for all."""
    narrow(context, context.state.view.filters, number, tr("highlight"))


def _filter(context: Context, new: Filter) -> None:
    view = context.state.view
    narrow(context, view.with_filter(new).filters, view.highlighted_class, tr("filter"))


def narrow(context: Context, filters: tuple[Filter, ...], highlight: int | None, text: str) -> None:
    """Show only some samples and dim others, as a step that can be undone."""
    view, model = context.state.view, context.state.opened.model
    if (view.filters, view.highlighted_class) != (filters, highlight):
        context.session.step(
            partial(_narrow_state, model, filters, highlight),
            partial(_narrow_state, model, view.filters, view.highlighted_class),
            text,
        )


def _narrow_state(
    model: str | None, filters: tuple[Filter, ...], highlight: int | None, state: State
) -> State:
    """A state with other filters; the classes and columns of another model are none of its own."""
    if state.opened.model != model:
        return state
    view = replace(state.view, filters=filters, highlighted_class=highlight)
    return replace(state, view=view)


# ---- the view -----------------------------------------------------------------------------------


@verb
def choose_tool(context: Context, tool: Tool) -> None:
    """Choose what dragging does on the flat map."""
    _look(context, replace(context.state.view, tool=tool))


@verb
def go(context: Context, move: Move) -> None:
    """Move over the map that is shown."""
    context.window.go(move)


@verb
def toggle_decoration(context: Context, which: Decoration) -> None:
    """Show pictures, names of classes or contours on the map, or hide them."""
    view = context.state.view
    match which:
        case "pictures":
            view = replace(view, pictures=not view.pictures)
        case "names":
            view = replace(view, names=not view.names)
        case "contours":
            view = replace(view, contours=not view.contours)
    _look(context, view)


@verb
def toggle_solid(context: Context) -> None:
    """Show the map in three dimensions, or flat."""
    view = context.state.view
    _look(context, replace(view, solid=not view.solid))


def remember_view(
    context: Context, rectangle: Rectangle | None, can_go_back: bool, can_go_forward: bool
) -> None:
    """Keep which part of the flat map is seen."""
    view = context.state.view
    new = replace(view, rectangle=rectangle, can_go_back=can_go_back, can_go_forward=can_go_forward)
    if new != view:
        _look(context, new)


def remember_camera(context: Context, camera: Camera | None) -> None:
    """Keep where the map in three dimensions is seen from."""
    view = context.state.view
    if camera != view.camera:
        _look(context, replace(view, camera=camera))


def remember_drawing(context: Context, not_solid: str) -> None:
    """Keep why this machine cannot draw the map in three dimensions; empty where it can."""
    view = context.state.view
    if not_solid != view.not_solid:
        _look(context, replace(view, not_solid=not_solid, solid=view.solid and not not_solid))


# ---- what menus offer ---------------------------------------------------------------------------


def _not_solid(state: State) -> str:
    return state.view.not_solid or ("" if state.view.solid else no_map(state))


def _nothing_picked(state: State) -> str:
    selection = state.picks.selection
    return "" if len(selection.chosen) or selection.rows else tr("Pick or select samples first.")


def _sizes(context: Context) -> Sequence[Option]:
    state = context.state
    options = [Option(None, tr("&All the same"))]
    options += [
        Option(by, tr(one.title), state.cannot_size(by))
        for by, one in QUANTITIES.items()
        if not one.is_category(state.scene)
    ]
    samples = state.opened.samples
    columns = samples.columns if samples is not None else {}
    options += [
        Option(COLUMN + name, name, state.cannot_size(COLUMN + name), is_text=True)
        for name, column in columns.items()
        if not column.names
    ]
    return options


def _choose_size(context: Context, by: object) -> None:
    assert by is None or isinstance(by, str)
    change_size(context, by)


def _tool(tool: Tool, title: str, key: str) -> Action:
    return Action(
        f"view.{tool}",
        title,
        partial(choose_tool, tool=tool),
        keys=(key,),
        menu="map",
        icon=tool,
        checked=lambda state: state.view.tool == tool,
    )


def _decoration(
    which: Decoration, title: str, key: str, checked: Callable[[State], bool]
) -> Action:
    return Action(
        f"view.{which}",
        title,
        partial(toggle_decoration, which=which),
        keys=(key,),
        menu="view",
        group=1,
        checked=checked,
    )


TOOLS = (
    _tool("pan", tr("&Move the map"), "V"),
    _tool("rectangle", tr("Select a &rectangle"), "R"),
    _tool("lasso", tr("Select with a &lasso"), "L"),
    _tool("zoom", tr("&Zoom to a rectangle"), "Z"),
)
MOVES = (
    Action(
        "view.fit",
        tr("&Fit all"),
        partial(go, move="fit"),
        keys=("F",),
        menu="map",
        group=1,
        icon="fit",
    ),
    Action(
        "view.fit-selection",
        tr("Fit the selec&tion"),
        partial(go, move="fit selection"),
        keys=("Shift+F",),
        menu="map",
        group=1,
        icon="fit-selection",
        why_not=lambda state: no_map(state) or _nothing_picked(state),
    ),
    Action(
        "view.back",
        tr("&Previous view"),
        partial(go, move="back"),
        keys=("Alt+Left",),
        menu="map",
        group=1,
        icon="back",
        why_not=lambda state: "" if state.view.can_go_back else tr("This is the first view."),
        explains=False,
    ),
    Action(
        "view.forward",
        tr("&Next view"),
        partial(go, move="forward"),
        keys=("Alt+Right",),
        menu="map",
        group=1,
        icon="forward",
        why_not=lambda state: "" if state.view.can_go_forward else tr("This is the last view."),
        explains=False,
    ),
)
ACTIONS = (
    _decoration("pictures", tr("Sample &pictures"), "T", lambda state: state.view.pictures),
    _decoration("names", tr("Class names"), "C", lambda state: state.view.names),
    _decoration("contours", tr("Contours of densit&y"), "D", lambda state: state.view.contours),
    Action(
        "view.solid",
        tr("&3-D view"),
        toggle_solid,
        keys=("3",),
        menu="view",
        group=1,
        meaning=tr("The map with the noise level, or another value, as third axis."),
        why_not=_not_solid,
        checked=lambda state: state.view.solid,
    ),
    *TOOLS,
    *MOVES,
    Action(
        "view.centre",
        tr("Centre on the anch&or"),
        partial(go, move="centre on the anchor"),
        keys=("A",),
        menu="map",
        group=1,
        why_not=no_anchor,
    ),
    Action(
        "view.all",
        tr("S&how all samples"),
        show_all,
        keys=("Shift+H",),
        menu="map",
        group=2,
        button=tr("Show all"),
    ),
)
CHOICES = (
    Choice(
        "view.size",
        tr("Si&ze of points"),
        _sizes,
        _choose_size,
        chosen=lambda context: context.state.sized_by,
        group=2,
    ),
)
