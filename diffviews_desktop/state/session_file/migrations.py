"""Brings what older versions have written up to date, one version at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from diffviews_desktop.state.session_file.form import VERSION
from diffviews_desktop.state.session_file.members import HEAD
from diffviews_desktop.text.translation import tr

Member = dict[str, Any]
"""A member of JSON, as it was read."""
Migration = Callable[[str, Member], Member]
"""Makes of a member, which it gets with its name, what the next version writes."""


def _several_filters(name: str, member: Member) -> Member:
    """Version 1 knew one filter of the samples."""
    view = member.get("view")
    if name != HEAD or not isinstance(view, dict):
        return member
    others = {key: value for key, value in view.items() if key != "filter"}
    single = view.get("filter")
    return {**member, "view": {**others, "filters": [] if single is None else [single]}}


MIGRATIONS: Mapping[int, Migration] = {1: _several_filters}
"""By the version that they begin with."""


def version_of(head: Member) -> int:
    """The version of a session, of its ``session.json``.

    Raises:
        ValueError: it has none, or one that is newer than this program.
    """
    version = head.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError(tr("it does not say its version"))
    if version > VERSION:
        raise ValueError(
            tr(
                "it has version {version}, and this program knows up to {version_2}: "
                "update DiffViews",
                version=version,
                version_2=VERSION,
            )
        )
    return version


def migrate(
    name: str, member: Member, version: int, steps: Mapping[int, Migration] = MIGRATIONS
) -> Member:
    """A member as this version has it.

    Args:
        name: of the member.
        member: as it was read.
        version: of the session that it is from.
        steps: what to do, by the version that it begins with.

    Raises:
        ValueError: nobody knows this version.
    """
    for number in range(version, VERSION):
        if number not in steps:
            raise ValueError(tr("it has version {version}, which is not known", version=version))
        member = steps[number](name, member)
    return {**member, "version": VERSION} if "version" in member else member
