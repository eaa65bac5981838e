"""Published models in the window: the catalogue as it was last listed, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from diffviews_desktop import paths
from diffviews_desktop.engine.jobs.downloading import Downloaded, ModelList
from diffviews_desktop.values.storage import DiskUse


@dataclass(frozen=True)
class Downloads:
    """What is downloaded, and what is kept on the disk.

    Attributes:
        out: the data folder that models are downloaded into.
        listed: the catalogue, and what of it is in that folder; None while nobody has asked.
        problems: why the last download of something failed, by its name or address.
        paused: what was paused last comes first, by its name or address.
        done: the last download that ended well.
        disk: what is kept on the disk; None while nobody has asked.
    """

    out: Path = field(default_factory=paths.downloads_dir)
    listed: ModelList | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    paused: tuple[str, ...] = ()
    done: Downloaded | None = None
    disk: DiskUse | None = None

    def with_problem(self, target: str, sentence: str) -> Downloads:
        """With why a download failed; an empty sentence takes what was said before back."""
        others = {name: text for name, text in self.problems.items() if name != target}
        return replace(self, problems={**others, target: sentence} if sentence else others)

    def with_pause(self, target: str, paused: bool) -> Downloads:
        """With a download that is paused, or no longer is."""
        others = tuple(one for one in self.paused if one != target)
        return replace(self, paused=(target, *others) if paused else others)
