"""The window in other languages than English, which every text in the code is written in.

Texts are the keys of a gettext catalogue in ``resources/translations``. What the command line,
files, logs and the engine say stays English: scripts read it, and reports are compared with it.
"""

from __future__ import annotations

import gettext
import locale
import os
import sys
from pathlib import Path

DOMAIN = "diffviews"
ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "de": "Deutsch"}
"""By code, as gettext names it, how a language calls itself."""

_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_language = ENGLISH


def tr(text: str, /, **values: object) -> str:
    """A text in the language of the window, with values in place of ``{names}``."""
    translation = _catalogue.gettext(text) if text else ""
    return translation.format(**values) if values else translation


def tr_in(context: str, text: str, /, **values: object) -> str:
    """The same for an English word that means several things; the context says which."""
    translation = _catalogue.pgettext(context, text)
    return translation.format(**values) if values else translation


def trn(one: str, several: str, number: int, /, **values: object) -> str:
    """A text that depends on a number, which stands in it as ``{number}``: ``2,000 pictures``."""
    return _catalogue.ngettext(one, several, number).format(number=group_digits(number), **values)


def group_digits(number: int) -> str:
    """A whole number with its thousands apart: ``2,000``; by a narrow space where people take a
    comma for the decimal point."""
    text = f"{number:,}"
    return text if _language == ENGLISH else text.replace(",", "\u202f")


def inside(text: str) -> str:
    """A text of ours, such as the title of a job, within a sentence: English begins it small."""
    return text[:1].lower() + text[1:] if _language == ENGLISH else text


def marked(text: str) -> str:
    """The text itself, which goes into the catalogues: `tr` translates it where it is shown."""
    return text


def use(language: str, catalogues: Path) -> str:
    """Have texts in a language from now on, and return it.

    Call it before the window's modules are imported: some hold translated texts.

    Args:
        language: a key of `LANGUAGES`; English where it is none of them; "system" for what the
            system is set to.
        catalogues: the folder of the languages other than English.
    """
    global _catalogue, _language
    codes = _languages_of_system() if language == "system" else [language]
    _catalogue, _language = gettext.NullTranslations(), ENGLISH
    for code in codes:
        short = code.split("_")[0].lower()
        if short == ENGLISH:
            break
        if short in LANGUAGES:
            _catalogue = gettext.translation(DOMAIN, catalogues, [short])
            _language = short
            break
    return _language


def language() -> str:
    """What language texts are in, as a key of `LANGUAGES`."""
    return _language


def _languages_of_system() -> list[str]:
    """Codes such as ``de_AT``, the best first."""
    if sys.platform == "win32":
        import ctypes

        number = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return [locale.windows_locale.get(number, ENGLISH)]
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):  # in gettext's order
        if os.environ.get(name):
            return os.environ[name].replace(".", ":").split(":")
    return [ENGLISH]
