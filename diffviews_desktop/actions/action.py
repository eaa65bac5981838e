"""What an action is: something that a menu, a key, a button or the map's menu offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from diffviews_desktop.actions.context import Context
from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.state import State

MenuName = Literal["file", "edit", "view", "map", "generate", "help"]


def nothing(state: State) -> str:
    """The ``why_not`` of an action that is always possible."""
    return ""


@dataclass(frozen=True)
class Action:
    """Something that a user can do, declared once.

    Attributes:
        id: ``topic.verb``.
        title: as menus show it, with the mnemonic after ``&``.
        run: does it; is called only where nothing speaks against it.
        keys: that do it, too, as Qt writes them; the first one is shown.
        menu: the menu that it is in; None for none.
        group: of the menu: lines part the groups.
        icon: of its buttons.
        meaning: what it does, as a sentence, where the title does not say it all.
        button: a shorter title for buttons.
        why_not: why it is not possible now, as a sentence; empty where it is.
        detail: what follows the title now, such as what would be undone.
        checked: whether it is on; None where it is neither on nor off.
        explains: whether its key says why it is not possible.
    """

    id: str
    title: str
    run: Callable[[Context], None]
    keys: tuple[str, ...] = ()
    menu: MenuName | None = None
    group: int = 0
    icon: str = ""
    meaning: str = ""
    button: str = ""
    why_not: Callable[[State], str] = nothing
    detail: Callable[[State], str] = nothing
    checked: Callable[[State], bool] | None = None
    explains: bool = True

    @property
    def name(self) -> str:
        """The title without its mnemonic."""
        return self.title.replace("&", "")


@dataclass(frozen=True)
class Option:
    """What can be chosen of some: its value, how it is called, and why it cannot be chosen."""

    value: object
    title: str
    why_not: str = ""
    is_text: bool = False
    """Whether the title is a text of the user's data, in which nothing stands for a mnemonic."""


@dataclass(frozen=True)
class Choice:
    """A menu of its own, of which one option holds.

    Attributes:
        id: ``topic.what``.
        title: of the menu, with its mnemonic.
        options: what there is to choose now.
        chosen: the value that holds; None for none, as where each option is done once.
        choose: does it with a value.
        menu: the menu that it is in.
        group: of that menu.
    """

    id: str
    title: str
    options: Callable[[Context], Sequence[Option]]
    choose: Callable[[Context, object], None]
    chosen: Callable[[Context], object] | None = None
    menu: MenuName = "view"
    group: int = 0

    @property
    def name(self) -> str:
        """The title without its mnemonic."""
        return self.title.replace("&", "")


class Title(NamedTuple):
    """A title with its mnemonic, and a text of the user's data that follows it."""

    text: str
    name: str = ""


@dataclass(frozen=True)
class SampleAction:
    """Something that can be done with the sample under the mouse.

    Attributes:
        id: ``sample.verb``.
        title: for a row.
        run: does it with a row.
        offered: whether it makes sense for a row.
        group: lines part the groups.
    """

    id: str
    title: Callable[[State, int], Title]
    run: Callable[[Context, int], None]
    offered: Callable[[State, int], bool] = lambda state, row: True
    group: int = 0


@dataclass(frozen=True)
class RunAction:
    """Something that can be done with a step of a run, from wherever its picture is shown.

    Attributes:
        id: ``run.verb``.
        title: with its mnemonic.
        run: does it with the run's id and the step, from 0.
        offered: whether it makes sense for the run.
        group: lines part the groups.
    """

    id: str
    title: Callable[[State, Run], str]
    run: Callable[[Context, int, int], None]
    offered: Callable[[State, Run], bool] = lambda state, run: True
    group: int = 0


def perform(context: Context, action: Action) -> None:
    """Do it, or say why that is not possible now."""
    reason = action.why_not(context.state)
    if reason:
        context.say(reason)
    else:
        action.run(context)
