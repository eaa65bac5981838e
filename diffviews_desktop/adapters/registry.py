"""Adapters by name.

Built-in adapters are imported when they are first asked for; other packages add theirs with the
`register_adapter` decorator or through an entry point in one of `ENTRY_POINT_GROUPS`; they are
installed beside the program, or in the user's folder (`adapters.packages`). An adapter of another
package that cannot be used is kept apart with its reason: see `unusable_adapters`.
"""

from __future__ import annotations

import importlib
import logging
import re
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any, NamedTuple, TypeVar

from diffviews_desktop.adapters.base import GeneratorAdapter
from diffviews_desktop.adapters.packages import ENTRY_POINT_GROUPS, use_packages
from diffviews_desktop.errors import AdapterError

log = logging.getLogger(__name__)

REQUIRED_METHODS = (
    "from_checkpoint",
    "get_default_config",
    "forward",
    "register_activation_hooks",
    "get_layer_shapes",
    "to",
    "eval",
)
"""What can be called on every adapter; its other members may be made in ``__init__``."""

_BUILT_IN = (
    "diffviews_desktop.adapters.edm",
    "diffviews_desktop.adapters.edm_imagenet",
    "diffviews_desktop.adapters.dmd2_imagenet",
    "diffviews_desktop.adapters.diffusers_unet",
)
_adapters: dict[str, type[GeneratorAdapter]] = {}
_unusable: dict[str, str] = {}
_discovered = False

AdapterClass = TypeVar("AdapterClass", bound=type)


def register_adapter(name: str) -> Callable[[AdapterClass], AdapterClass]:
    """Class decorator that registers an adapter under ``name``."""

    def decorate(cls: AdapterClass) -> AdapterClass:
        # a built-in adapter leaves the name to one that the program registered before
        if cls.__module__ not in _BUILT_IN or name not in _adapters:
            register_adapter_class(name, cls)
        return cls

    return decorate


def register_adapter_class(name: str, cls: type) -> None:
    """Register ``cls`` under ``name``; a later registration replaces an earlier one."""
    _adapters[name] = cls


def unregister_adapter(name: str) -> type[GeneratorAdapter] | None:
    """Remove an adapter; returns its class, or None where the name was not registered."""
    return _adapters.pop(name, None)


def get_adapter(name: str) -> type[GeneratorAdapter]:
    """The adapter class registered under ``name``.

    Raises:
        AdapterError: no such adapter, and the text lists those there are; or it cannot be used,
            and the text says why.
    """
    discover_adapters()
    try:
        return _adapters[name]
    except KeyError:
        if name in _unusable:
            raise AdapterError(_unusable[name]) from None
        names = ", ".join(sorted(_adapters)) or "none"
        raise AdapterError(f"There is no adapter named {name!r}. Available: {names}.") from None


def list_adapters() -> list[str]:
    """Names of all registered adapters, sorted."""
    discover_adapters()
    return sorted(_adapters)


def unusable_adapters() -> dict[str, str]:
    """Adapters of installed packages that cannot be used: a sentence a name, sorted.

    The sentence names the package, the reason and what to do. An adapter whose name is taken is
    listed as ``name (package)``.
    """
    discover_adapters()
    return {name: _unusable[name] for name in sorted(_unusable) if name not in _adapters}


def discover_adapters() -> None:
    """Import the built-in adapters and those of installed packages, once.

    A name goes to what the program registered before, else to a built-in adapter, else to the first
    package in the order of `ENTRY_POINT_GROUPS`, then of the packages' names.
    """
    global _discovered
    if _discovered:
        return
    _discovered = True  # now: an adapter may ask for another one while it is imported
    _unusable.clear()
    try:
        for module in _BUILT_IN:
            importlib.import_module(module)
        _discover_packages()
    except BaseException:
        _discovered = False
        raise


class _Candidate(NamedTuple):
    """An entry point and the package that it is of."""

    entry_point: metadata.EntryPoint
    package: str


def _discover_packages() -> None:
    owners: dict[str, str] = {}
    names: set[str] = set()
    attempts: set[tuple[str, str, str]] = set()
    failed: list[tuple[str, str, str]] = []
    for entry_point, package in _candidates():
        name = entry_point.name
        is_own = owners.get(name) == package
        if name in _adapters and (name in names or not is_own):
            if not is_own and not _is_registered(entry_point):
                reason = f"{_owner(name, owners)} has that name already"
                failed.append((name, package, f"{reason}; have one of them renamed or uninstalled"))
            continue
        if (package, name, entry_point.value) in attempts:  # a package may name it in every group
            continue
        attempts.add((package, name, entry_point.value))
        others = {other: cls for other, cls in _adapters.items() if other != name}
        reason = _load(entry_point)
        if reason:
            _adapters.clear()  # also of what its module registered before it failed
            failed.append((name, package, f"{reason}; update or uninstall that package"))
        else:
            names.add(name)
        _adapters.update(others)  # importing a module takes no name from another adapter
        owners |= dict.fromkeys(_adapters.keys() - others.keys(), package)
    for name, package, reason in dict.fromkeys(failed):
        key = f"{name} ({package})" if name in _adapters or name in _unusable else name
        _unusable[key] = f"The adapter {name!r} of the package {package} cannot be used: {reason}."
        log.warning("%s", _unusable[key])


def _candidates() -> list[_Candidate]:
    """Entry points of all packages, in order of precedence."""
    use_packages()
    candidates: dict[tuple[int, str, str], _Candidate] = {}
    for distribution in metadata.distributions():
        try:
            points = [p for p in distribution.entry_points if p.group in ENTRY_POINT_GROUPS]
            package = (distribution.metadata["Name"] or "without a name") if points else ""
        except Exception as error:  # one damaged package must not hide the others
            log.warning("The entry points of a package cannot be read: %s", _first_line(error))
            continue
        normal = re.sub(r"[-_.]+", "-", package).lower()
        for point in points:
            key = (ENTRY_POINT_GROUPS.index(point.group), normal, point.name)
            # the first on the path is imported
            candidates.setdefault(key, _Candidate(point, package))
    return [candidates[key] for key in sorted(candidates)]


def _load(entry_point: metadata.EntryPoint) -> str:
    """Register the class that an entry point names; returns why that cannot be, or nothing."""
    try:
        cls = entry_point.load()
        if not isinstance(cls, type):
            return f"{entry_point.value} is not a class"
        lacking = _lacking_members(cls)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # another package's code: anything can happen in it
        return f"importing {entry_point.value} failed with {_first_line(error)}"
    if lacking:
        return f"{entry_point.value} lacks {', '.join(lacking)}"
    register_adapter_class(entry_point.name, cls)
    return ""


def _lacking_members(cls: type) -> list[str]:
    abstract: frozenset[str] = getattr(cls, "__abstractmethods__", frozenset())
    lacking = [name for name in REQUIRED_METHODS if not callable(getattr(cls, name, None))]
    return [*lacking, *sorted(abstract - {*lacking})]


def _is_registered(entry_point: metadata.EntryPoint) -> bool:
    """Whether its class is the registered one already, without importing anything."""
    try:
        value: Any = sys.modules[entry_point.module]
        for part in entry_point.attr.split("."):
            value = getattr(value, part)
    except Exception:  # another package's code: anything can happen in it
        return False
    return value is _adapters[entry_point.name]


def _owner(name: str, owners: dict[str, str]) -> str:
    if name in owners:
        return f"the package {owners[name]}"
    if _adapters[name].__module__ in _BUILT_IN:
        return "a built-in adapter"
    return "an adapter that the program registered itself"


def _first_line(error: BaseException) -> str:
    """The kind of an error and the beginning of what it says."""
    kind = type(error).__name__
    try:
        text = next(iter(str(error).strip().splitlines()), "")
    except Exception:  # its own __str__ fails
        text = ""
    text = text if len(text) <= 200 else text[:200] + "…"
    return f"{kind}: {text.rstrip('.')}" if text else kind
