"""What *About DiffViews* shows."""

from __future__ import annotations

from PySide6.QtCore import QStringListModel
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QDialog, QListView, QPushButton, QVBoxLayout, QWidget

from diffviews_desktop import __version__, paths
from diffviews_desktop.files.reading import read_text
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.widgets import as_panel
from diffviews_desktop.ui.shell.help import FactsWindow

ABOUT = (
    (
        f"DiffViews {__version__}",
        tr(
            "See a diffusion model's activations as a map, pick a region, and make the model say "
            "that."
        ),
    ),
    (
        tr("Digits of the demo"),
        tr(
            "MNIST (Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0) and the UCI handwritten digits "
            "(E. Alpaydin, C. Kaynak; CC BY 4.0)."
        ),
    ),
    (
        tr("Newer versions"),
        tr(
            "are where you got this one. DiffViews does not look for them, and sends nothing "
            "anywhere."
        ),
    ),
    (tr("Licence"), tr("Apache License 2.0")),
)
LICENCES_SIZE = (720, 520)
MOST_BYTES = 10_000_000
"""Of the file of licences, which has less than one million."""


class AboutWindow(FactsWindow):
    """The version, whose work is in the program, and where its files are.

    Args:
        parent: window over which it opens.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        places = tr(
            "is in {data_dir} and {cache_dir}. Removing DiffViews leaves both.",
            data_dir=paths.data_dir(),
            cache_dir=paths.cache_dir(),
        )
        super().__init__(tr("About DiffViews"), (*ABOUT, (tr("Your data"), places)), parent)
        if paths.licences().is_file():
            button = QPushButton(tr("&Licences…"))
            button.clicked.connect(self._show_licences)
            self.buttons.insertWidget(0, button)
            theme.dress(self)

    def _show_licences(self) -> None:
        LicencesWindow(self).show()


class LicencesWindow(QDialog):
    """The licences of all that an installed program consists of, line by line.

    Args:
        parent: window over which it opens.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Licences"))
        as_panel(self)
        lines = read_text(paths.licences(), MOST_BYTES).splitlines()
        self.list = QListView()
        self.list.setAccessibleName(tr("Licences"))
        self.list.setUniformItemSizes(True)
        self.list.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.list.setModel(QStringListModel(lines, self.list))
        column = QVBoxLayout(self)
        column.addWidget(self.list)
        self.resize(*LICENCES_SIZE)
        theme.dress(self)
