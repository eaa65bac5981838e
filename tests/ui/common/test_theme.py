"""Light and dark: everything can be read in both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.colors import class_colors


def luminance(color: QColor) -> float:
    """Relative luminance, WCAG 2.1."""
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color.getRgbF()]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(a: str | QColor, b: str | QColor) -> float:
    high, low = sorted((luminance(QColor(a)), luminance(QColor(b))), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colors", [theme.LIGHT, theme.DARK])
def test_text_is_readable(colors: theme.Colors) -> None:
    for background in (colors.panel, colors.field, colors.window, colors.error, colors.info):
        assert contrast(colors.text, background) >= 7
    assert contrast(colors.muted, colors.panel) >= 4.5
    assert contrast(colors.accent_text, colors.accent) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_every_class_stands_out_from_the_map(dark: bool) -> None:
    background = (theme.DARK if dark else theme.LIGHT).map
    for color in class_colors(list(range(10)), dark=dark).values():
        assert contrast(color, background) >= 1.4


def test_themes_can_be_forced(qapp: QApplication) -> None:
    theme.apply("dark")
    assert qapp.palette().color(QPalette.ColorRole.Window).lightness() < 60
    assert theme.choice() == "dark"
    theme.apply("light")
    assert qapp.palette().color(QPalette.ColorRole.Window).lightness() > 200
    assert theme.choice() == "light"


def test_every_icon_can_be_drawn(qapp: QApplication) -> None:
    from diffviews_desktop import paths

    names = [file.stem for file in (paths.resources() / "icons").glob("*.svg")]
    assert len(names) > 10
    for name in names:
        image = theme.icon(name).pixmap(36, 36).toImage()
        drawn = sum(
            image.pixelColor(x, y).alpha() > 100
            for x in range(image.width())
            for y in range(image.height())
        )
        assert drawn > 20, name


@pytest.mark.parametrize("colors", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_style_sheets_are_filled_with_colours_and_icons(
    qapp: QApplication, colors: theme.Colors
) -> None:
    sheet = theme._style_sheet(colors)
    assert "@" not in sheet
    assert sheet.count(f"color: {colors.muted};") > 5
    icons = re.findall(r'url\("([^"]*)"\)', sheet)
    assert len(icons) > 4
    assert all(Path(icon).is_file() for icon in icons)


def test_without_room_for_icons_a_style_sheet_names_no_file(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_folder = tmp_path / "a file"
    no_folder.touch()
    with monkeypatch.context() as changed:
        changed.setattr(theme.paths, "cache_dir", lambda: no_folder)
        sheet = theme._style_sheet(theme.LIGHT)
        assert "url(" not in sheet
        assert sheet.count("image: none;") > 2
    assert "none;" not in re.findall(r"image: (.*)", theme._style_sheet(theme.LIGHT))
