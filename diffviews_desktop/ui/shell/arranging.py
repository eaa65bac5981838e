"""Where window and docks are, as values that a session can hold.

A session does not hold Qt's own description of a layout: Qt believes it, whoever wrote it.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow

from diffviews_desktop.values.arrangement import MOST_PIXELS, Arrangement, DockArea, DockPlace

Area = Qt.DockWidgetArea
AREAS: dict[DockArea, Area] = {
    "left": Area.LeftDockWidgetArea,
    "right": Area.RightDockWidgetArea,
    "top": Area.TopDockWidgetArea,
    "bottom": Area.BottomDockWidgetArea,
}
UPRIGHT = ("left", "right")


def read_arrangement(
    window: QMainWindow, docks: list[QDockWidget], pages: tuple[str, ...]
) -> Arrangement:
    """Where a window and its docks are now; ``pages`` are the other windows that are open."""
    size = window.normalGeometry().size() if window.isMaximized() else window.size()
    return Arrangement(
        size=(size.width(), size.height()),
        maximized=window.isMaximized(),
        docks=tuple(_place_of(window, dock, docks) for dock in docks),
        pages=pages,
    )


def _place_of(window: QMainWindow, dock: QDockWidget, docks: list[QDockWidget]) -> DockPlace:
    side = window.dockWidgetArea(dock)
    area: DockArea = next((name for name, one in AREAS.items() if one == side), "left")
    earlier_docks = docks[: docks.index(dock)]
    tabs = [one for one in window.tabifiedDockWidgets(dock) if one in earlier_docks]
    return DockPlace(
        name=dock.objectName(),
        area=area,
        shown=not dock.isHidden(),
        floating=dock.isFloating(),
        size=(dock.width(), dock.height()),
        place=(dock.x(), dock.y()) if dock.isFloating() else (0, 0),
        tabbed_with=tabs[0].objectName() if tabs else "",
    )


def arrange(window: QMainWindow, docks: list[QDockWidget], arrangement: Arrangement) -> None:
    """Put a window and its docks where they were; docks that are not named stay."""
    room = window.screen().availableSize()
    size = QSize(*_clamp(arrangement.size))
    by_name = {dock.objectName(): dock for dock in docks}
    told = {one.name: one for one in arrangement.docks if one.name in by_name}
    places = [(by_name[name], one) for name, one in told.items()]
    for dock, place in places:
        _put(window, dock, place, by_name)
    layout = window.layout()
    if layout is not None:
        layout.activate()  # the window may be as small as its docks are now
    if arrangement.maximized:
        window.showMaximized()
    else:
        window.resize(size.boundedTo(room))
    for upright in (True, False):
        pairs = [(d, p) for d, p in places if not p.floating and (p.area in UPRIGHT) == upright]
        _size(window, pairs, upright)


def _put(
    window: QMainWindow, dock: QDockWidget, place: DockPlace, docks: dict[str, QDockWidget]
) -> None:
    if window.dockWidgetArea(dock) != AREAS[place.area]:
        window.addDockWidget(AREAS[place.area], dock)
    other = docks.get(place.tabbed_with)
    if other is not None and other is not dock and other not in window.tabifiedDockWidgets(dock):
        window.tabifyDockWidget(other, dock)
    dock.setFloating(place.floating)
    if place.floating:
        dock.resize(QSize(*_clamp(place.size)))
        _bring_onto_screen(window, dock, QPoint(*_clamp(place.place, least=-MOST_PIXELS)))
    if dock.toggleViewAction().isEnabled():
        dock.setVisible(place.shown)


def _bring_onto_screen(window: QMainWindow, dock: QDockWidget, at: QPoint) -> None:
    """Move a floating dock to its place, or where that is on no screen, over the window."""
    screens = window.screen().virtualSiblings()
    is_visible = any(screen.availableGeometry().contains(at + QPoint(20, 20)) for screen in screens)
    dock.move(at if is_visible else window.geometry().center())


def _size(window: QMainWindow, places: list[tuple[QDockWidget, DockPlace]], upright: bool) -> None:
    """Give docks on two sides of the window the sizes that they had."""
    if not places:
        return
    docks = [dock for dock, _ in places]
    across = Qt.Orientation.Horizontal if upright else Qt.Orientation.Vertical
    along = Qt.Orientation.Vertical if upright else Qt.Orientation.Horizontal
    sizes = [_clamp(place.size) for _, place in places]
    window.resizeDocks(docks, [size[0 if upright else 1] for size in sizes], across)
    window.resizeDocks(docks, [size[1 if upright else 0] for size in sizes], along)


def _clamp(pixels: tuple[int, int], least: int = 1) -> list[int]:
    """A size, or a place, that windows can have."""
    return [min(max(one, least), MOST_PIXELS) for one in pixels]
