"""The preferences' page of the bucket that maps are shared through, and the keys to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop import credentials
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.preferences import prefer
from diffviews_desktop.credentials import BucketKeys
from diffviews_desktop.errors import KeyringError
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr, tr_in
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.forms import add_row, form
from diffviews_desktop.ui.common.labels import Label, caption, muted_label, say_below, tip
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.common.widgets import WholeNumber, signals_blocked
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.stores import BucketSettings

GIGABYTE, MOST_GIGABYTES = 10**9, 1_000_000
LINES = 3  # of what is said of the keys
NO_BUCKET = tr("Name a bucket first.")
NO_KEYS = tr("None are entered here; variables such as R2_ACCESS_KEY_ID are used.")


class _Kept(NamedTuple):
    """Whether the keyring has keys of a bucket, what to say, and whether there is a keyring."""

    there: bool
    said: str
    can_keep: bool = True


class KeysDialog(QDialog):
    """Asks for an access key; OK is there once both parts are typed."""

    def __init__(self, bucket: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keys of the bucket"))
        self.key_id, self.secret = QLineEdit(), QLineEdit()
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        for field in (self.key_id, self.secret):
            field.setMaxLength(credentials.MOST_LETTERS)
            field.setMinimumWidth(320)
            field.textChanged.connect(self._on_typed)
        note = muted_label(
            tr(
                "They are kept in the keyring of this system, for the bucket {bucket}.",
                bucket=bucket,
            )
        )
        note.setWordWrap(True)
        rows = form()
        add_row(rows, tr("Access key &ID"), self.key_id)
        add_row(rows, tr("&Secret access key"), self.secret)
        kinds = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(rows)
        column.addWidget(note)
        column.addWidget(self.buttons)
        self._on_typed()
        theme.dress(self)

    def keys(self) -> BucketKeys:
        """What is typed."""
        return BucketKeys(self.key_id.text().strip(), self.secret.text().strip())

    def _on_typed(self) -> None:
        complete = self.key_id.text().strip() and self.secret.text().strip()
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(complete))


class BucketPage(QWidget):
    """Which bucket, where, how much of it, and its keys.

    The system's keyring may ask the user to unlock it: it is asked in another thread.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.bucket, self.endpoint = QLineEdit(), QLineEdit()
        self.bucket.setPlaceholderText(tr("what R2_BUCKET_NAME says"))
        self.endpoint.setPlaceholderText(tr("what the environment says, else AWS"))
        self.upload = QCheckBox(tr("&Upload the maps that are made here"))
        self.limit = WholeNumber()
        self.limit.setRange(1, MOST_GIGABYTES)
        self.kept = muted_label()
        self.kept.setWordWrap(True)
        self.kept.setMinimumHeight(LINES * self.kept.fontMetrics().lineSpacing())
        self.enter, self.forget = QPushButton(tr("Enter &keys…")), QPushButton(tr("&Forget them"))
        self._asked: Latest[_Kept] = Latest(self._show_keys, self, name="keyring")
        self._build()
        self._connect()
        self.set_state(context.state)

    def _build(self) -> None:
        rows = form(self)
        rows.setContentsMargins(0, 10, 0, 0)
        about = muted_label(
            tr(
                "A group can share the maps of layers through a bucket of an S3 service, such as "
                "Cloudflare R2: each is computed once."
            )
        )
        about.setWordWrap(True)
        rows.addRow(about)
        add_row(rows, tr("&Bucket"), self.bucket)
        add_row(rows, tr("&Endpoint"), self.endpoint)
        self.limit.setAccessibleName(tr("Gigabytes of all maps in the bucket"))
        rows.addRow(
            caption(tr("At &most"), self.limit), _beside(self.limit, Label(tr("GB in the bucket")))
        )
        rows.addRow(Label(), self.upload)
        rows.addRow(Label(tr_in("of a bucket", "Keys")), self.kept)
        for button in (self.enter, self.forget):
            button.setAutoDefault(False)
        rows.addRow(Label(), _beside(self.enter, self.forget))

    def _connect(self) -> None:
        for field in (self.bucket, self.endpoint):
            field.editingFinished.connect(self._take)
        self.limit.valueChanged.connect(lambda _: self._take())
        self.upload.clicked.connect(lambda _: self._take())
        self.enter.clicked.connect(self._enter)
        self.forget.clicked.connect(self._forget)

    def set_state(self, state: State) -> None:
        """Show what is preferred."""
        bucket = state.preferences.bucket
        with signals_blocked(self.bucket, self.endpoint, self.limit, self.upload):
            for field, text in ((self.bucket, bucket.bucket), (self.endpoint, bucket.endpoint)):
                if not field.hasFocus():
                    field.setText(text)
            self.limit.setValue(max(1, round(bucket.limit_bytes / GIGABYTE)))
            self.upload.setChecked(bucket.upload)
        self.enter.setEnabled(bool(bucket.bucket))
        self.enter.setToolTip(tip("" if bucket.bucket else NO_BUCKET))
        self.ask_keyring()

    def wait(self) -> None:
        """Let a question to the keyring end."""
        self._asked.close()

    # ---- the bucket -----------------------------------------------------------------------------

    def _take(self) -> None:
        """Prefer what is entered, unless it cannot be used, which is said below the field."""
        preferences = self._context.state.preferences
        name, endpoint = self.bucket.text().strip(), self.endpoint.text().strip()
        problems = (
            (self.bucket, _problem(_check_bucket, name)),
            (self.endpoint, _problem(_check_endpoint, endpoint)),
        )
        for field, problem in problems:
            say_below(field, problem)
        if any(problem for _, problem in problems):
            return
        bucket = replace(
            preferences.bucket,
            bucket=name,
            endpoint=endpoint,
            upload=self.upload.isChecked(),
            limit_bytes=self.limit.value() * GIGABYTE,
        )
        if bucket != preferences.bucket:
            prefer(self._context, replace(preferences, bucket=bucket))

    # ---- its keys -------------------------------------------------------------------------------

    def ask_keyring(self) -> None:
        """Ask the keyring whether it has keys of the bucket."""
        bucket = self._context.state.preferences.bucket
        self._asked.ask(lambda: _ask(bucket))

    def _show_keys(self, answer: _Kept) -> None:
        self.kept.setText(answer.said)
        self.forget.setEnabled(answer.there)
        self.enter.setVisible(answer.can_keep)
        self.forget.setVisible(answer.can_keep)

    def _enter(self) -> None:
        bucket = self._context.state.preferences.bucket
        dialog = KeysDialog(bucket.bucket, self)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            keys = dialog.keys()
            self._do(lambda: credentials.store_keys(bucket.bucket, bucket.endpoint, keys))
        dialog.deleteLater()

    def _forget(self) -> None:
        bucket = self._context.state.preferences.bucket
        self._do(lambda: credentials.forget_keys(bucket.bucket, bucket.endpoint))

    def _do(self, work: Callable[[], None]) -> None:
        bucket = self._context.state.preferences.bucket

        def run() -> _Kept:
            try:
                work()
            except KeyringError as error:
                return _Kept(False, str(error))
            return _ask(bucket)

        self._asked.ask(run)


def _ask(bucket: BucketSettings) -> _Kept:
    """Whether the keyring has keys of a bucket, and what to say."""
    if not credentials.has_keyring():
        return _Kept(False, tr(credentials.NO_KEYRING), can_keep=False)
    if not bucket.bucket:
        return _Kept(False, NO_KEYS)
    try:
        keys = credentials.stored_keys(bucket.bucket, bucket.endpoint)
    except KeyringError as error:
        return _Kept(False, str(error))
    if keys is None:
        return _Kept(False, NO_KEYS)
    return _Kept(True, tr("They are in the keyring of this system."))


def _check_bucket(name: str) -> None:
    """Raise ValueError where a text cannot be a bucket's name, with a folder in it or without."""
    Location.parse(f"s3://{name.removeprefix('s3://')}")


def _check_endpoint(text: str) -> None:
    """Raise ValueError where a text cannot be the address of a service."""
    if Location.parse(text).kind != "https":
        raise ValueError(tr("Enter an address that begins with https://."))


def _problem(check: Callable[[str], None], text: str) -> str:
    """Why a text cannot be used; empty where it can, or says nothing."""
    try:
        if text:
            check(text)
    except ValueError as error:
        return str(error)
    return ""


def _beside(*widgets: QWidget) -> QHBoxLayout:
    """Widgets in a row that is no wider than they are."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch()
    return row
