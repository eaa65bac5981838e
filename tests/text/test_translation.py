"""The window's other languages: their catalogues are whole, and the right one is chosen."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from diffviews_desktop import paths
from diffviews_desktop.cli.main import language_of, window_parser
from diffviews_desktop.state.settings import settings_file
from diffviews_desktop.text import translation
from diffviews_desktop.text.translation import tr, tr_in, trn

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = sorted(set(translation.LANGUAGES) - {translation.ENGLISH})


def use(language: str) -> str:
    return translation.use(language, paths.translations())


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    use(translation.ENGLISH)


def catalogue(language: str) -> Catalog:
    with (paths.translations() / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def messages(language: str) -> Iterator[Message]:
    return (message for message in catalogue(language) if message.id)


def fields(text: str) -> set[tuple[str | None, str | None, str | None]]:
    return {part[1:] for part in Formatter().parse(text) if part[1] is not None}


def named(message: Message) -> list[str]:
    return list(message.id) if message.pluralizable else [message.id]


def translated(message: Message) -> list[str]:
    return list(message.string) if message.pluralizable else [message.string]


def test_every_language_has_a_catalogue_and_no_other_is_there() -> None:
    folder = paths.translations()
    assert sorted(file.stem for file in folder.glob("*.po")) == LANGUAGES


def test_catalogues_are_up_to_date_with_the_code_and_compiled() -> None:
    """After a change of texts: make translations, then translate what is new."""
    command = [sys.executable, ROOT / "packaging/translations", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_has_the_same_fields(language: str) -> None:
    for message in messages(language):
        assert all(translated(message)), message.id
        wanted = fields(named(message)[-1])
        assert all(fields(text) == wanted for text in translated(message)), message.id


def ending(text: str) -> str:
    return re.sub(r".*?([.…?!:]?\s*)$", r"\1", text.rstrip("“”"), flags=re.DOTALL)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_ends_as_its_text_does(language: str) -> None:
    """A sentence stays a sentence, and what asks for more keeps its dots."""
    for message in messages(language):
        text = named(message)[-1]
        for other in translated(message):
            assert ending(text) == ending(other), (text, other)
            assert ("&" in text) == ("&" in other), (text, other)


def test_texts_are_in_the_language_that_is_used() -> None:
    assert use("de") == translation.language() == "de"
    assert tr("As the system") == "Wie das System"
    assert tr("") == ""
    assert tr("This text is in no catalogue: {x}", x=1) == "This text is in no catalogue: 1"
    assert tr_in("a place", "nowhere") == "nowhere"
    assert trn("{number} picture", "{number} pictures", 2000) == "2\u202f000 Bilder"
    use("en")
    assert tr("As the system") == "As the system"
    assert trn("{number} of {whom}", "{number} each of {whom}", 1, whom="x") == "1 of x"
    assert trn("{number} goose", "{number} geese", 2000) == "2,000 geese"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANGUAGE": "de_AT:fr"}, "de"),
        ({"LANGUAGE": "", "LANG": "de_DE.UTF-8"}, "de"),
        ({"LANGUAGE": "fr:de"}, "de"),
        ({"LANGUAGE": "en_GB:de"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows is asked in another way")
def test_the_language_of_the_system_is_what_its_variables_say(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert use("system") == expected


@pytest.mark.parametrize(
    ("stored", "arguments", "expected"),
    [
        ('{"language": "de"}', [], "de"),
        ('{"language": "de"}', ["--language", "en"], "en"),
        ('{"language": "de"}', ["--reset"], "system"),
        ('{"language": ["de"]}', [], "system"),
        ("{}", ["--language", "de"], "de"),
        ("{", [], "system"),
        (None, [], "system"),
    ],
)
def test_the_command_line_goes_before_what_is_preferred(
    stored: str | None,
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    if stored is not None:
        settings_file().parent.mkdir(parents=True)
        settings_file().write_text(stored)
    assert language_of(window_parser().parse_args(arguments)) == expected
    if stored is not None:
        assert settings_file().read_text() == stored


def test_what_is_chosen_before_the_window_is_imported_loads_no_qt() -> None:
    code = (
        "import json, sys; from diffviews_desktop.cli import main; "
        "main.language_of(main.window_parser().parse_args([])); "
        "print(json.dumps([name for name in sys.modules if name.startswith('PySide6')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
