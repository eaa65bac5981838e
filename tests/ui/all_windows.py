"""Every window and every class of widgets that the program has."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import replace

from planted_texts import ANCHOR
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QMenu, QWidget

import diffviews_desktop.ui
from diffviews_desktop.actions import runs, showing
from diffviews_desktop.ui.common.questions import TextDialog
from diffviews_desktop.ui.shell.activity.parts import RowList
from diffviews_desktop.ui.shell.bucket_page import KeysDialog
from diffviews_desktop.ui.shell.exporting.window import KINDS
from diffviews_desktop.ui.shell.window import MainWindow


def widgets_of_the_package() -> set[type[QWidget]]:
    """Every class of widgets that the program defines."""
    found = set()
    folder = diffviews_desktop.ui.__path__
    for module in pkgutil.walk_packages(folder, "diffviews_desktop.ui."):
        for _, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(one, QWidget) and one.__module__.startswith("diffviews_desktop"):
                found.add(one)
    return found


def open_all(window: MainWindow) -> list[QWidget]:
    """Every window and menu that the program has, shown."""
    area = window.map_area
    assert window.map is not None
    window.menu_actions["maps.second"].trigger()
    window.map.hovered.emit(ANCHOR)
    showing.only_category(window.context, by="class", number=0, count=3)
    showing.filter_values(window.context, by="sigma", low=0.01, high=None)
    window.show_page("filters")
    for page in ("groups", "pictures", "table"):
        window.samples.panel.show_page(page)  # type: ignore[arg-type]
    window.show_page("mean")
    window.show_page("map settings")
    window.show_page("preferences")
    window.show_page("keys")
    window.show_page("explained")
    window.show_page("model")
    window.show_page("about")
    window.show_page("grid")
    window.show_page("experiment")
    window.show_page("models")
    window.show_page("import")
    for page in ("jobs", "history", "notices"):
        window.show_page(page)  # type: ignore[arg-type]
        activity = window.pages.activity
        assert activity is not None
        for part in activity.findChildren(RowList):
            part.selectAll()
    window.session.update(replace(window.session.state, tour=1))
    for kind in KINDS:
        window.show_export(kind)
    window.show_page("crash reports")
    window.show_page("palette")
    window.findChild(QMenu, "view.size").aboutToShow.emit()
    TextDialog(window, "A name", "&Name").show()
    KeysDialog("a bucket", window).show()
    area._show_menu(ANCHOR, QPoint())
    run_menus = show_runs(window)
    item = window.classes.list.item(0)
    menus = [window.classes.menu_of(item), area.menu, *run_menus]
    windows = [one for one in QApplication.topLevelWidgets() if one.isVisible()]
    return [*dict.fromkeys([window, *windows, *menus])]  # type: ignore[list-item]


def show_runs(window: MainWindow) -> list[QMenu]:
    """Whatever there is to show of a run; its menus."""
    run = window.session.state.runs.run()
    if run is None:
        return []
    runs.compare_with_unmasked(window.context)
    window.runs_panel.open_picture(run.id)
    window.show_text("Recipe", "what makes it again")
    return [window.runs_dock.menu_of(run.id, 0), window.runs_panel.list.order.menu()]
