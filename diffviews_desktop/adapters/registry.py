"""Adapters by name.

Built-in adapters are imported when they are first asked for; other packages add theirs with the
`register_adapter` decorator or through the entry point group ``diffviews_desktop.adapters``.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from importlib import metadata
from typing import TypeVar

from diffviews_desktop.adapters.base import GeneratorAdapter
from diffviews_desktop.errors import AdapterError

log = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "diffviews_desktop.adapters"
_BUILT_IN = (
    "diffviews_desktop.adapters.edm",
    "diffviews_desktop.adapters.edm_imagenet",
    "diffviews_desktop.adapters.dmd2_imagenet",
)
_adapters: dict[str, type[GeneratorAdapter]] = {}
_discovered = False

AdapterClass = TypeVar("AdapterClass", bound=type)


def register_adapter(name: str) -> Callable[[AdapterClass], AdapterClass]:
    """Class decorator that registers an adapter under ``name``."""

    def decorate(cls: AdapterClass) -> AdapterClass:
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
        AdapterError: no such adapter; the text lists those there are.
    """
    discover_adapters()
    try:
        return _adapters[name]
    except KeyError:
        known = ", ".join(sorted(_adapters)) or "none"
        raise AdapterError(f"There is no adapter named {name!r}. Available: {known}.") from None


def list_adapters() -> list[str]:
    """Names of all registered adapters, sorted."""
    discover_adapters()
    return sorted(_adapters)


def discover_adapters() -> None:
    """Import the built-in adapters and those of installed packages, once.

    A package whose adapter cannot be imported is logged and left out.
    """
    global _discovered
    if _discovered:
        return
    _discovered = True
    for module in _BUILT_IN:
        importlib.import_module(module)
    for entry_point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        if entry_point.name in _adapters:
            continue
        try:
            register_adapter_class(entry_point.name, entry_point.load())
        except Exception as error:  # another package's code: anything can happen in it
            log.warning("The adapter %s cannot be used: %s", entry_point.name, error)
