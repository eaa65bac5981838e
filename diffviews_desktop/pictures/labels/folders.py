"""What the folders that pictures lie in say of their classes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from diffviews_desktop.pictures.labels.values import folder_label

_PART = re.compile(
    r"(?:train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?|dev|eval(?:uation)?|holdout)"
    r"(?:[ _.-]?(?:set|data|split|images?|[0-9]+))*"
)
"""Names of parts of a data set."""
_HOLDER = re.compile(r"(?:images?|imgs?|pictures|photos|data(?:set)?|samples)")
"""Names of folders that say nothing."""
_EDM = re.compile(r"img([0-9]{5})[0-9]{3}")
_FFHQ = re.compile(r"([0-9]{2})[0-9]{3}")


@dataclass(frozen=True)
class FolderLabels:
    """What folders say.

    Attributes:
        labels: by file: the name of its folder, as a label; files without one are not there.
        parts: by file: the part of the data set, such as ``train``, whose folder is above.
        deeper: a folder within one that was taken as a label; empty where there is none.
        shards: whether the folders are parts of a long list, which say nothing.
    """

    labels: Mapping[str, str]
    parts: Mapping[str, str]
    deeper: str = ""
    shards: bool = False


def folder_labels(files: Sequence[str]) -> FolderLabels:
    """The label of every picture that lies in a folder: the first folder of its path that is no
    part of the data set (``train``, ``val``) and does not merely hold the others (``images``).

    Args:
        files: paths of pictures with ``/``, relative to the folder that was chosen.
    """
    folders = {file: file.split("/")[:-1] for file in files}
    level, parts = 0, dict[str, str]()
    while _says_nothing(folders.values(), level):
        parts |= {
            file: path[level]
            for file, path in folders.items()
            if len(path) > level and is_part(path[level])
        }
        level += 1
    names = {file: path[level] for file, path in folders.items() if len(path) > level}
    if _are_shards(names):
        return FolderLabels({}, parts, shards=True)
    label_of = {name: folder_label(name) for name in set(names.values())}
    labels = {file: label_of[name] for file, name in names.items()}
    deeper = next(("/".join(path) for path in folders.values() if len(path) > level + 1), "")
    return FolderLabels(labels, parts, deeper)


def is_part(name: str) -> bool:
    """Whether a folder of this name is a part of a data set, such as ``train``."""
    return _PART.fullmatch(name.casefold()) is not None


def _says_nothing(folders: Collection[Sequence[str]], level: int) -> bool:
    """Whether all folders at a level are parts of the data set or hold others, and some do."""
    names = {path[level] for path in folders if len(path) > level}
    return any(len(path) > level + 1 for path in folders) and all(
        is_part(name) or _HOLDER.fullmatch(name.casefold()) for name in names
    )


def _are_shards(names: Mapping[str, str]) -> bool:
    """Whether folders are numbered in thousands, as their pictures are: ``00001/img00001234.png``
    (EDM) or ``01000/01234.png`` (FFHQ)."""
    stems = defaultdict[str, list[str]](list)
    for file, folder in names.items():
        stems[folder].append(file.rpartition("/")[2].rpartition(".")[0])

    def edm(folder: str, stem: str) -> bool:
        match = _EDM.fullmatch(stem)
        return match is not None and match[1] == folder

    def ffhq(folder: str, stem: str) -> bool:
        match = _FFHQ.fullmatch(stem)
        return match is not None and f"{match[1]}000" == folder

    return bool(stems) and any(
        all(fits(folder, stem) for folder, inside in stems.items() for stem in inside)
        for fits in (edm, ffhq)
    )
