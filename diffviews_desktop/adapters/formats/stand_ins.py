"""Stand-ins for what trainings put beside the weights: arguments, paths, counters, devices.

Each name is one that a pickle of plain settings needs. What stands for it holds nothing and does
nothing, whatever it is given: the program has no use for the objects themselves. Names that can
call, look up or import something are not here, whatever they are used for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch

from diffviews_desktop.adapters.formats.pickle_machine import Allowed, Aside, Refused

_BUILTINS = ("builtins", "__builtin__")
_DTYPES = sorted(
    {
        str(value).removeprefix("torch.")
        for value in vars(torch).values()
        if type(value) is torch.dtype
    }
)

_PLAIN = ("bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "str", "tuple")
_PATHS = (*("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"),)
Names = Mapping[str, Iterable[str]]

_VALUES: Names = {
    **dict.fromkeys(_BUILTINS, _PLAIN),
    "torch": _DTYPES,
    "typing": ["Any"],
}
"""Names that stand for themselves alone, such as the type that a defaultdict makes."""

_MADE_BY_CALL: Names = {
    "datetime": ["date", "datetime", "time", "timedelta", "timezone"],
    "decimal": ["Decimal"],
    "fractions": ["Fraction"],
    **dict.fromkeys(("pathlib", "pathlib._local"), _PATHS),
    "torch": ["device"],
    "torch.serialization": ["_get_layout"],
    "types": ["SimpleNamespace"],
    "uuid": ["SafeUUID"],
}
_MADE_NEW: Names = {
    "UserDict": ["IterableUserDict", "UserDict"],  # as protocol 2 calls those of collections
    "UserList": ["UserList"],
    "UserString": ["UserString"],
    "addict.addict": ["Dict"],
    "argparse": ["Namespace"],
    "collections": ["ChainMap", "UserDict", "UserList", "UserString"],
    "easydict": ["EasyDict"],
    "lightning.fabric.utilities.data": ["AttributeDict"],
    "lightning.pytorch.utilities.parsing": ["AttributeDict"],
    "lightning_fabric.utilities.data": ["AttributeDict"],
    "omegaconf.base": ["ContainerMetadata", "Metadata"],
    "omegaconf.dictconfig": ["DictConfig"],
    "omegaconf.listconfig": ["ListConfig"],
    "omegaconf.nodes": ["AnyNode", "BooleanNode", "FloatNode", "IntegerNode", "StringNode"],
    "pytorch_lightning.utilities.parsing": ["AttributeDict"],
    "torch.torch_version": ["TorchVersion"],
    "uuid": ["UUID"],
    "yacs.config": ["CfgNode"],
}


def _make_aside(*arguments: Any) -> Aside:
    return Aside()


def _table(*arguments: Any) -> dict[str, Any]:
    return {}


def _list(*arguments: Any) -> list[Any]:
    return []


def _counts(counts: Any = None) -> Any:
    return {} if counts is None else counts


def _sizes(sizes: Any = ()) -> Any:
    if type(sizes) is not tuple:
        raise Refused("sizes that are no tuple")
    return sizes


def stand_ins() -> Iterator[Allowed]:
    """All of them, for an allow-list."""
    yield Allowed("collections", "Counter", reduce=_counts)
    yield Allowed("collections", "defaultdict", reduce=_table)
    yield Allowed("collections", "deque", reduce=_list)
    yield Allowed("torch", "Size", reduce=_sizes)
    for module, name in _pairs(_VALUES):
        yield Allowed(module, name)
    for module, name in _pairs(_MADE_BY_CALL):
        yield Allowed(module, name, reduce=_make_aside)
    for module, name in _pairs(_MADE_NEW):
        yield Allowed(module, name, new=_make_aside)
    for module in _BUILTINS:
        for name in ("frozenset", "range", "slice", "xrange"):
            yield Allowed(module, name, reduce=_make_aside)


def _pairs(names: Names) -> Iterator[tuple[str, str]]:
    return ((module, name) for module, members in names.items() for name in members)
