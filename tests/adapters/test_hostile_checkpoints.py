"""Files that try to run code, to end the process, to take its memory or its time.

Each entry of the corpus makes one file. It is read in a process of its own (see `isolated`), and
must give a short error that says what to do, or the tensors of the valid file that it was made
from; nothing may be run, imported or written, within 10 s and 300 MB.
"""

from __future__ import annotations

import functools
import io
import itertools
import json
import math
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import persistence
import pytest
import safetensors.torch
import torch
from isolated import Outcome, Reader, digest
from persistence import (
    APPEND,
    BINPERSID,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    EMPTY_TUPLE,
    FALSE,
    LEAST,
    MARK,
    MEMOIZE,
    NEWOBJ,
    NEWOBJ_EX,
    NONE,
    POP,
    REDUCE,
    SETITEM,
    STACK_GLOBAL,
    STOP,
    TRUE,
    TUPLE1,
    TUPLE2,
    Form,
    Raw,
    call,
    child,
    data,
    dict_,
    filled,
    get,
    global_,
    list_,
    network,
    number,
    operations,
    pickled,
    put,
    real,
    stack_global,
    state_of,
    text,
    tuple_,
)

from diffviews_desktop.adapters.checkpoint import load_checkpoint, save_checkpoint
from diffviews_desktop.errors import CheckpointError

MAX_SECONDS = 10.0
MAX_GROWTH = 300_000_000
ADVICE = ("Get the file", "Copy or download", "Choose ", "Save the", "Use ", "Name ", "Check ")
MARKER = "MARKER"
"""The file that a payload would create, in the working folder of the process that reads."""

CONFIG = {**LEAST, "sigma_data": 0.5}
MODEL = filled("EDMPrecond", CONFIG)
STATE = MODEL.state_dict()
VALID = operations(network(MODEL, CONFIG))
"""Operations that push the valid network; they remember their values from index 0 on."""


@dataclass(frozen=True)
class Entry:
    """A hostile file.

    Attributes:
        write: writes it.
        suffix: of its name.
        names: what the error must name.
        loads: whether it must load as the valid file; None where it may.
    """

    write: Callable[[Path], object]
    suffix: str
    names: str
    loads: bool | None


CORPUS: dict[str, Entry] = {}


def add(
    name: str,
    content: bytes | Callable[[Path], object],
    suffix: str = ".pkl",
    names: str = "",
    loads: bool | None = False,
) -> None:
    assert name not in CORPUS, name
    write = content if callable(content) else lambda path: path.write_bytes(content)
    CORPUS[name] = Entry(write, suffix, names, loads)


# --- places for a hostile value ------------------------------------------------------------------


def alone(value: bytes) -> bytes:
    return pickled(value)


def beside(value: bytes) -> bytes:
    return pickled(EMPTY_DICT, text("ema"), VALID, SETITEM, text("loss_fn"), value, SETITEM)


def before(value: bytes) -> bytes:
    return pickled(EMPTY_DICT, text("loss_fn"), value, SETITEM, text("ema"), VALID, SETITEM)


def thrown_away(value: bytes) -> bytes:
    return pickled(value, POP, EMPTY_DICT, text("ema"), VALID, SETITEM)


def with_state(change: Callable[[dict[str, Any]], object], module: str = "") -> bytes:
    """The valid file with a changed state of a module."""
    description = network(MODEL, CONFIG)
    change(state_of(child(description, module) if module else description))
    return persistence.dumps({"ema": description})


HERE = Raw(b"<here>")
WITH_ATTRIBUTE = with_state(lambda state: state.update(anything=HERE))
WITH_BIAS = with_state(lambda state: state["_parameters"].update(bias=HERE), "model.map_layer0")


def attribute(value: bytes) -> bytes:
    """As an attribute of the network that the reader does not look at."""
    return WITH_ATTRIBUTE.replace(HERE.operations, value)


def with_bias(value: bytes) -> bytes:
    """The valid file with something else for one of its tensors."""
    return WITH_BIAS.replace(HERE.operations, value)


PLACES = (alone, beside, before, thrown_away, attribute, with_bias)


# --- calls of anything ---------------------------------------------------------------------------

TOUCH, CREATE = text(f"touch {MARKER}"), text(f"open({MARKER!r}, 'w').close()")
FORBIDDEN: dict[tuple[str, str], tuple[bytes, ...]] = {
    ("os", "system"): (TOUCH,),
    ("posix", "system"): (TOUCH,),
    ("nt", "system"): (TOUCH,),
    ("os", "popen"): (TOUCH,),
    ("builtins", "eval"): (CREATE,),
    ("builtins", "exec"): (CREATE,),
    ("__builtin__", "eval"): (CREATE,),
    ("builtins", "getattr"): (text("x"), text("__class__")),
    ("builtins", "__import__"): (text("sched"),),
    ("builtins", "open"): (text(MARKER), text("w")),
    ("builtins", "compile"): (CREATE, text("x"), text("exec")),
    ("builtins", "bytearray"): (number(2**33),),
    ("builtins", "map"): (text("x"),),
    ("builtins", "type"): (text("X"), EMPTY_TUPLE, EMPTY_DICT),
    ("builtins", "object"): (),
    ("builtins", "complex"): (number(1),),
    ("io", "open"): (text(MARKER), text("w")),
    ("subprocess", "Popen"): (list_(text("touch"), text(MARKER)),),
    ("subprocess", "check_output"): (list_(text("touch"), text(MARKER)),),
    ("importlib", "import_module"): (text("sched"),),
    ("runpy", "run_path"): (text(MARKER),),
    ("timeit", "timeit"): (CREATE,),
    ("code", "InteractiveInterpreter"): (),
    ("pydoc", "pipepager"): (text("x"), TOUCH),
    ("cProfile", "run"): (CREATE,),
    ("pickle", "loads"): (data(pickle.dumps(1)),),
    ("_pickle", "loads"): (data(pickle.dumps(1)),),
    ("pickle", "_loads"): (data(pickle.dumps(1)),),
    ("marshal", "loads"): (data(b"N"),),
    ("types", "FunctionType"): (NONE,),
    ("types", "CodeType"): (NONE,),
    ("functools", "partial"): (NONE,),
    ("functools", "reduce"): (NONE, NONE),
    ("operator", "attrgetter"): (text("system"),),
    ("operator", "methodcaller"): (text("system"), TOUCH),
    ("copyreg", "_reconstructor"): (NONE, NONE, NONE),
    ("copyreg", "__newobj__"): (NONE,),
    ("ctypes", "CDLL"): (text("libc.so.6"),),
    ("socket", "create_connection"): (tuple_(text("localhost"), number(9)),),
    ("shutil", "rmtree"): (text(MARKER),),
    ("webbrowser", "open"): (text("x"),),
    ("numpy", "load"): (text(MARKER),),
    ("numpy", "ndarray"): (tuple_(number(2**30)),),
    ("numpy.core.multiarray", "_reconstruct"): (NONE,),
    ("numpy", "fromfile"): (text(MARKER),),
    ("torch", "load"): (text(MARKER),),
    ("torch", "zeros"): (number(2**31),),
    ("torch.hub", "load"): (text("x"), text("y")),
    ("torch.jit", "load"): (text(MARKER),),
    ("torch.ops", "load_library"): (text(MARKER),),
    ("torch.serialization", "load"): (text(MARKER),),
    ("torch.storage", "UntypedStorage"): (number(2**33),),
    ("torch._utils", "_rebuild_sparse_tensor"): (NONE, NONE),
    ("torch._utils", "_rebuild_qtensor"): (NONE,),
    ("torch._utils", "_rebuild_device_tensor_from_numpy"): (NONE,),
    ("torch._utils", "_rebuild_meta_tensor_no_storage"): (NONE,),
    ("torch._tensor", "_rebuild_from_type_v2"): (NONE,),
    ("torch_utils.persistence", "_module_to_src_dict"): (),
    ("torch_utils.persistence", "import_hook"): (NONE,),
    ("dnnlib.util", "call_func_by_name"): (text("os.system"),),
    ("dnnlib.util", "open_url"): (text("x"),),
    ("training.networks", "EDMPrecond"): (),
}

for number_of_call, ((module, name), arguments) in enumerate(FORBIDDEN.items()):
    for way in (global_, stack_global):
        place = PLACES[number_of_call % len(PLACES)]
        value = call(way(module, name), *arguments)
        label = f"call of {module}.{name} by {way.__name__}, {place.__name__}"
        add(label, place(value), names=f"{module}.{name}")

SYSTEM = global_("os", "system")
WITH_SYSTEM = {
    "only named": SYSTEM,
    "called": call(SYSTEM, TOUCH),
    "INST": MARK + TOUCH + b"ios\nsystem\n",
    "OBJ": MARK + SYSTEM + TOUCH + b"o",
    "NEWOBJ": SYSTEM + tuple_(TOUCH) + NEWOBJ,
    "NEWOBJ_EX": SYSTEM + tuple_(TOUCH) + EMPTY_DICT + NEWOBJ_EX,
    "built": SYSTEM + EMPTY_DICT + BUILD,
    "in a state": global_("torch.nn.modules.container", "ModuleDict")
    + EMPTY_TUPLE
    + NEWOBJ
    + dict_(x=call(SYSTEM, TOUCH))
    + BUILD,
    "as an argument": call(global_("collections", "OrderedDict"), call(SYSTEM, TOUCH)),
    "as a dictionary key": EMPTY_DICT + call(SYSTEM, TOUCH) + NONE + SETITEM,
    "as a persistent id": call(SYSTEM, TOUCH) + BINPERSID,
    "in a record": call(
        global_("torch_utils.persistence", "_reconstruct_persistent_obj"),
        dict_(type=text("class"), version=number(6), state=call(SYSTEM, TOUCH)),
    ),
}
for (label, value), place in itertools.product(WITH_SYSTEM.items(), PLACES):
    add(f"os.system {label}, {place.__name__}", place(value), names="os.system")

for protocol in (2, 3, 5):
    add(
        f"os.system in protocol {protocol}",
        pickled(call(SYSTEM, TOUCH), protocol=protocol),
        names="os.system",
    )
add("os.system by Python", pickle.dumps({"ema": os.system}), names=f"{os.system.__module__}.system")


# --- names that look like allowed ones -----------------------------------------------------------

LONG = "x" * 5000
NAMES = [
    ("collections", "OrderedDict.fromkeys"),
    ("collections.OrderedDict", "fromkeys"),
    ("collections", "OrderedDict.__init__.__globals__"),
    ("torch_utils.persistence", "_reconstruct_persistent_obj.__globals__"),
    ("torch_utils", "persistence._reconstruct_persistent_obj"),
    ("torch_utils.persistence._reconstruct_persistent_obj", "__globals__"),
    ("collections", "OrderedDict\0"),
    ("collections", "OrderedDict "),
    (" collections", "OrderedDict"),
    ("collections\t", "OrderedDict"),
    ("collections\r\n", "OrderedDict"),
    ("сollections", "OrderedDict"),  # a Cyrillic letter
    ("ｃｏｌｌｅｃｔｉｏｎｓ", "OrderedDict"),
    ("collections", "OrderedDict\u202egnp"),
    ("collections", "Ordered\ud800Dict"),
    ("collections", "ordereddict"),
    ("", "OrderedDict"),
    ("collections", ""),
    ("", ""),
    (LONG[:4000], LONG[:4000]),
    ("\ud800" * 1000, "😀" * 1000),
    ("os", "OrderedDict"),
    ("builtins", "OrderedDict"),
    ("torch", "_rebuild_tensor_v2"),
    ("numpy", "scalar"),
    ("torch", "FloatStorage"),
    ("__main__", "set"),
]
for index, (module, name) in enumerate(NAMES):
    value = call(stack_global(module, name))
    add(f"name {index}", (alone, beside)[index % 2](value), names="" if LONG[:99] in name else ".")
for index, (module, name) in enumerate(
    [
        (number(1), text("system")),
        (text("os"), tuple_()),
        (text("os"), text(LONG)),
        (data(b"os"), data(b"system")),
        (NONE, NONE),
    ]
):
    add(f"name of another type {index}", pickled(module, name, STACK_GLOBAL))
add("endless name in a line", pickled(b"c" + b"x" * 10_000_000))
add("name in a line without an end", pickled(b"cos"))
add("name that is no text", pickled(b"c\xff\xfe\nsystem\n"))


# --- operations that are not known ---------------------------------------------------------------

OTHERS = {
    "EXT1": b"\x82\x01",
    "EXT2": b"\x83\x01\x00",
    "EXT4": b"\x84\x01\x00\x00\x00",
    "PERSID": b"Pabc\n",
    "BINPERSID": text("abc") + BINPERSID,
    "BINPERSID of nothing": BINPERSID,
    "NEXT_BUFFER": b"\x97",
    "READONLY_BUFFER": EMPTY_LIST + b"\x98",
    "FROZENSET": MARK + b"\x91",
    "LONG4": b"\x8b\xff\xff\xff\x7f",
    "DUP": NONE + b"2",
    "INT": b"I1\n",
    "endless INT": b"I" + b"9" * 1_000_000 + b"\n",
    "LONG": b"L1L\n",
    "FLOAT": b"F1.5\n",
    "STRING": b"S'x'\n",
    "UNICODE": b"Vx\n",
    "BINSTRING": b"T\x01\x00\x00\x00x",
    "SHORT_BINSTRING": b"U\x01x",
    "DICT": MARK + b"d",
    "LIST": MARK + b"l",
    "PUT": NONE + b"p0\n",
    "GET": b"g0\n",
    "zero": b"\x00",
    "255": b"\xff",
    "INST of an allowed name": MARK + b"icollections\nOrderedDict\n",
    "OBJ of an allowed name": MARK + global_("collections", "OrderedDict") + b"o",
    "OBJ of nothing": MARK + b"o",
}
for label, value in OTHERS.items():
    add(f"operation {label}", pickled(value))
    add(f"operation {label} in protocol 0", value + b".")
for protocol in (0, 1, 6, 255):
    add(f"protocol {protocol}", pickled(NONE, protocol=protocol))


# --- allowed names in other ways -----------------------------------------------------------------

ORDERED = global_("collections", "OrderedDict")
MODULES = global_("torch.nn.modules.container", "ModuleDict")
RECORD = global_("torch_utils.persistence", "_reconstruct_persistent_obj")
TENSOR = global_("torch._utils", "_rebuild_tensor_v2")
PARAMETER = global_("torch._utils", "_rebuild_parameter")
STORAGE = global_("torch.storage", "_load_from_bytes")
DTYPE = global_("numpy", "dtype")
SCALAR = global_("numpy.core.multiarray", "scalar")
SET = global_("builtins", "set")
ENCODE = global_("_codecs", "encode")
FLOAT64 = call(DTYPE, text("f8"), FALSE, TRUE)
LITTLE = tuple_(number(3), text("<"), NONE, NONE, NONE, number(-1), number(-1), number(0))

WRONG_USE = {
    "NEWOBJ with arguments": ORDERED + tuple_(NONE) + NEWOBJ,
    "NEWOBJ with a list": ORDERED + EMPTY_LIST + NEWOBJ,
    "NEWOBJ of a function": TENSOR + EMPTY_TUPLE + NEWOBJ,
    "NEWOBJ of text": text("x") + EMPTY_TUPLE + NEWOBJ,
    "NEWOBJ_EX": ORDERED + EMPTY_TUPLE + EMPTY_DICT + NEWOBJ_EX,
    "REDUCE of a class without one": MODULES + EMPTY_TUPLE + REDUCE,
    "REDUCE with a list": ORDERED + EMPTY_LIST + REDUCE,
    "REDUCE with None": ORDERED + NONE + REDUCE,
    "REDUCE of text": text("print") + EMPTY_TUPLE + REDUCE,
    "REDUCE of a dictionary": EMPTY_DICT + EMPTY_TUPLE + REDUCE,
    "REDUCE of a table": call(ORDERED) + EMPTY_TUPLE + REDUCE,
    "REDUCE of a record": MODULES + EMPTY_TUPLE + NEWOBJ + EMPTY_TUPLE + REDUCE,
    "REDUCE of nothing": REDUCE,
    "REDUCE with too many arguments": ORDERED + tuple_(*[NONE] * 100_000) + REDUCE,
    "set of numbers": call(SET, list_(number(1))),
    "set of a set": call(SET, EMPTY_SET),
    "set item that is a tuple": EMPTY_SET + MARK + EMPTY_TUPLE + b"\x90",
    "encode to utf-7": call(ENCODE, text("x"), text("utf-7")),
    "encode by a codec that unpacks": call(ENCODE, text("x"), text("zlib_codec")),
    "encode a number": call(ENCODE, number(1), text("latin1")),
    "encode other letters": call(ENCODE, text("😀"), text("latin1")),
    "object array": call(DTYPE, text("O8"), FALSE, TRUE),
    "structured type": call(DTYPE, list_(tuple_(text("x"), text("f8"))), FALSE, TRUE),
    "scalar of objects": call(SCALAR, call(DTYPE, text("O")), data(b"x" * 8)),
    "scalar without a type": call(SCALAR, NONE, data(b"x" * 8)),
    "scalar of text": call(SCALAR, FLOAT64 + LITTLE + BUILD, text("x" * 8)),
    "scalar that is too short": call(SCALAR, FLOAT64 + LITTLE + BUILD, data(b"x")),
    "scalar that is too long": call(SCALAR, FLOAT64 + LITTLE + BUILD, data(b"x" * 5000)),
    "big-endian number": FLOAT64 + tuple_(number(3), text(">"), *[NONE] * 6) + BUILD,
    "type with an odd state": FLOAT64 + dict_(fields=NONE) + BUILD,
    "type with a short state": FLOAT64 + EMPTY_TUPLE + BUILD,
    "parameter of nothing": call(PARAMETER, NONE, TRUE, call(ORDERED)),
    "storage of text": call(STORAGE, text("x")),
    "storage of nothing": call(STORAGE, data(b"")),
    "APPEND to a dictionary": EMPTY_DICT + NONE + APPEND,
    "APPEND to nothing": NONE + APPEND,
    "SETITEM of a list": EMPTY_LIST + NONE + NONE + SETITEM,
    "SETITEMS with a key alone": EMPTY_DICT + MARK + text("x") + b"u",
    "ADDITEMS to a list": EMPTY_LIST + MARK + b"\x90",
    "float as a key": EMPTY_DICT + real(1.0) + NONE + SETITEM,
    "bytes as a key": EMPTY_DICT + data(b"x") + NONE + SETITEM,
    "long text as a key": EMPTY_DICT + text("x" * 5000) + NONE + SETITEM,
    "TUPLE without a mark": b"t",
    "TUPLE2 of one": NONE + TUPLE2,
    "POP of nothing": POP,
    "POP_MARK without a mark": b"1",
}
for label, value in WRONG_USE.items():
    add(f"{label}, alone", alone(value))
    add(f"{label}, beside", beside(value))

BUILT: dict[str, bytes] = {
    "a callable": TENSOR,
    "a class": ORDERED,
    "None": NONE,
    "a list": EMPTY_LIST,
    "a tuple": EMPTY_TUPLE,
    "text": text("x"),
    "a dictionary": EMPTY_DICT,
    "a table": call(ORDERED),
}
STATES = {
    "attributes": dict_(x=NONE),
    "__setstate__": dict_(__setstate__=TENSOR),
    "__class__": dict_(__class__=TENSOR),
    "__dict__": dict_(__dict__=EMPTY_DICT),
    "slots": tuple_(NONE, dict_(build=TENSOR, reduce=TENSOR)),
    "text": text("state"),
}
for (what, target), (how, state) in itertools.product(BUILT.items(), STATES.items()):
    add(f"BUILD of {what} with {how}", beside(target + state + BUILD))
for how, state in STATES.items():
    again = VALID + state + BUILD
    add(f"second BUILD of the network with {how}", pickled(EMPTY_DICT, text("ema"), again, SETITEM))
    module = MODULES + EMPTY_TUPLE + NEWOBJ + EMPTY_DICT + BUILD + state + BUILD
    add(f"second BUILD of a module with {how}", beside(module))
add("BUILD of a table with nothing", beside(call(ORDERED) + EMPTY_DICT + BUILD), loads=True)
add("BUILD of nothing", pickled(BUILD))
for key in ("__class__", "__setstate__", "__dict__", "__reduce__", "class_name", "state"):
    odd = with_state(lambda state, key=key: state.update({key: Raw(TENSOR)}))
    add(f"attribute {key}", odd, loads=True)


# --- the source text -----------------------------------------------------------------------------

POISON = f"import os\nos.system('touch {MARKER}')\nopen({MARKER!r}, 'w').close()\n"
for label, source in {"short": POISON, "long": POISON * 200}.items():
    for protocol in (2, 4):
        raw = persistence.dumps({"ema": network(MODEL, CONFIG, Form(source=source))}, protocol)
        add(f"{label} poisoned source in protocol {protocol}", raw, loads=True)


# --- records -------------------------------------------------------------------------------------

FIELDS = {
    "type": text("class"),
    "version": number(6),
    "module_src": text("x"),
    "class_name": text("EDMPrecond"),
    "state": EMPTY_DICT,
}
SHARED_TUPLES = EMPTY_TUPLE + b"".join(put(i) + get(i) + TUPLE2 for i in range(200))
"""A tuple of two, each a tuple of the same two, 200 times: 2 ** 200 items if written out."""
DEEP = EMPTY_TUPLE + TUPLE1 * 20_000
SELF = EMPTY_LIST + put(10**6) + get(10**6) + APPEND

RECORDS = {
    "version 5": {"version": number(5)},
    "version 7": {"version": number(7)},
    "version true": {"version": TRUE},
    "version 6.0": {"version": real(6.0)},
    "version as text": {"version": text("6")},
    "type function": {"type": text("function")},
    "type none": {"type": NONE},
    "class Generator": {"class_name": text("Generator")},
    "class of a dotted name": {"class_name": text("os.system")},
    "class without a name": {"class_name": text("")},
    "class of 4000 letters": {"class_name": text("E" * 4000)},
    "class of 5000 letters": {"class_name": text(LONG)},
    "class of odd letters": {"class_name": text("EDMPrecond\n\u202e")},
    "class of other letters": {"class_name": text("ℰDMPrecond")},
    "class that is none": {"class_name": NONE},
    "class that is allowed": {"class_name": TENSOR},
    "state of a list": {"state": EMPTY_LIST},
    "state of none": {"state": NONE},
    "nothing in it": {},
    "tables of none": {"state": dict_(_parameters=NONE, _buffers=NONE, _modules=NONE)},
    "tables of lists": {"state": dict_(_modules=list_(NONE))},
    "modules that are numbers": {"state": dict_(_modules=dict_(model=number(1)))},
    "modules that are tensors": {"state": dict_(_modules=dict_(model=FLOAT64))},
    "a hidden set that is text": {"state": dict_(_non_persistent_buffers_set=text("x"))},
    "a table name with a dot": {"state": dict_(_modules=EMPTY_DICT + text("a.b") + NONE + SETITEM)},
    "a table name of a line": {"state": dict_(_modules=EMPTY_DICT + text("a\nb") + NONE + SETITEM)},
    "a number in a table": {"state": dict_(_modules=EMPTY_DICT + number(1) + NONE + SETITEM)},
    "an extra field": {"more": NONE},
}
for field in FIELDS:
    for label, value in {"shared tuples": SHARED_TUPLES, "depth": DEEP, "itself": SELF}.items():
        RECORDS[f"{label} for its {field}"] = {field: value}
for label, change in RECORDS.items():
    add(f"record with {label}", pickled(dict_(ema=call(RECORD, dict_(**FIELDS | change)))))
for field in FIELDS:
    fields = {key: value for key, value in FIELDS.items() if key != field}
    add(f"record without {field}", pickled(dict_(ema=call(RECORD, dict_(**fields)))))
add("record of a list", pickled(call(RECORD, EMPTY_LIST)))
add("record of two", pickled(call(RECORD, dict_(**FIELDS), dict_(**FIELDS))))
add("record of nothing", pickled(call(RECORD)))


def unknown_class(path: str, name: str) -> bytes:
    description = network(MODEL, CONFIG)
    child(description, path).arguments[0]["class_name"] = name
    return persistence.dumps({"ema": description})


add("module of an unknown class", unknown_class("model.map_layer0", "Evil"), names="Evil")
add("module of an unknown class 2", unknown_class("model", "StyleUNet"), names="StyleUNet")


# --- recursion, depth, sharing -------------------------------------------------------------------

DEEP_TUPLES = "300 000 tuples"
SHAPES = {
    "list in itself": SELF,
    "dictionary in itself": EMPTY_DICT + put(10**6) + text("x") + get(10**6) + SETITEM,
    "tuple in itself": EMPTY_LIST
    + put(10**6)
    + TUPLE1
    + put(10**6 + 1)
    + POP
    + get(10**6)
    + get(10**6 + 1)
    + APPEND,
    "shared tuples": SHARED_TUPLES,
    DEEP_TUPLES: EMPTY_TUPLE + TUPLE1 * 300_000,  # hashing them exhausts the stack
}
DEEP_SHAPES = {
    "100 000 lists": EMPTY_LIST * 100_000 + APPEND * 99_999,
    "100 000 dictionaries": (EMPTY_DICT + text("x")) * 100_000 + NONE + SETITEM * 100_000,
    "100 000 marks": MARK * 100_000 + b"1" * 100_000 + NONE,
    "20 000 modules": (MODULES + put(10**6) + POP)
    + (get(10**6) + EMPTY_TUPLE + NEWOBJ + EMPTY_DICT + text("x")) * 20_000
    + NONE
    + (SETITEM + BUILD) * 20_000,
}
SHAPE_PLACES: dict[str, Callable[[bytes], bytes]] = {
    "alone": alone,
    "as a state": lambda value: pickled(MODULES, EMPTY_TUPLE, NEWOBJ, value, BUILD),
    "as a key": lambda value: pickled(EMPTY_DICT, value, NONE, SETITEM),
    "as a set item": lambda value: pickled(EMPTY_SET, MARK, value, b"\x90"),
    "as arguments": lambda value: pickled(ORDERED, value, REDUCE),
    "as a called thing": lambda value: pickled(value, EMPTY_TUPLE, REDUCE),
    "as a persistent id": lambda value: pickled(value, BINPERSID),
    "as a name": lambda value: pickled(text("os"), value, STACK_GLOBAL),
    "as a type": lambda value: pickled(call(DTYPE, value)),
    "as an encoding": lambda value: pickled(call(ENCODE, text("x"), value)),
    "as a byte order": lambda value: pickled(FLOAT64, tuple_(number(3), value), BUILD),
    "for a tensor": with_bias,
}
for label, value in {**SHAPES, **DEEP_SHAPES}.items():
    add(f"{label} in an attribute", attribute(value), loads=True)
    large = label in DEEP_SHAPES or label == DEEP_TUPLES
    for where in ("as a key", "as a state") if large else SHAPE_PLACES:
        add(f"{label} {where}", SHAPE_PLACES[where](value))

EMPTY_MODULE = MODULES + EMPTY_TUPLE + NEWOBJ


def chain(length: int, width: int) -> bytes:
    """Modules, each with the one before it ``width`` times."""
    made = [EMPTY_MODULE + dict_() + BUILD + put(10**6)]
    for index in range(1, length):
        children = {f"m{i}": get(10**6 + index - 1) for i in range(width)}
        made += [POP, EMPTY_MODULE, dict_(_modules=dict_(**children)), BUILD, put(10**6 + index)]
    return b"".join(made)


def of_network(modules: bytes) -> bytes:
    return pickled(dict_(ema=call(RECORD, dict_(**FIELDS | {"state": dict_(_modules=modules)}))))


add("modules shared ten times ten times", of_network(dict_(model=chain(15, 10))))
add("modules in a chain", of_network(dict_(model=chain(20_000, 1))))
add(
    "one table for all modules",
    of_network(
        EMPTY_DICT + put(5) + text("a") + EMPTY_MODULE + dict_(_modules=get(5)) + BUILD + SETITEM
    ),
)
add(
    "module in itself",
    of_network(dict_(model=EMPTY_MODULE + put(5) + dict_(_modules=dict_(me=get(5))) + BUILD)),
)
add(
    "network in itself",
    pickled(
        EMPTY_DICT, put(5), text("state"), EMPTY_DICT, text("_modules"), get(5), SETITEM, SETITEM
    ),
)
MANY_NAMES = b"".join(text(f"{i:>080}") + get(9) for i in range(150_000))


def write_many_long_names(path: Path) -> None:
    """Each tensor's whole name would have 600 letters."""
    made = dict_(_parameters=EMPTY_DICT + MARK + MANY_NAMES + b"u")
    for _ in range(7):
        made = dict_(_modules=EMPTY_DICT + text("m" * 80) + EMPTY_MODULE + made + BUILD + SETITEM)
    network = call(RECORD, dict_(**FIELDS | {"state": made}))
    path.write_bytes(pickled(tensor(), put(9), POP, dict_(ema=network)))


add("many long names", write_many_long_names)
SAME = (
    EMPTY_DICT + MARK + b"".join(text(f"n{i}") + NONE for i in range(100_000)) + b"u" + put(7) + POP
)
USERS = {f"m{i}": EMPTY_MODULE + dict_(_parameters=get(7)) + BUILD for i in range(5_000)}
add(
    "one large table in many modules",
    pickled(
        SAME, dict_(ema=call(RECORD, dict_(**FIELDS | {"state": dict_(_modules=dict_(**USERS))})))
    ),
)


# --- memo, lengths, many operations ---------------------------------------------------------------

MEMO = {
    "get of an unknown index": get(12345),
    "get of the highest index": get(2**32 - 1),
    "BINGET of an unknown index": b"h\x07",
    "put of nothing": put(0),
    "MEMOIZE of nothing": MEMOIZE,
    "put behind a mark": MARK + put(0),
}
for label, value in MEMO.items():
    add(label, pickled(value))
add("put at the highest index", beside(NONE + put(2**32 - 1) + POP + get(2**32 - 1)), loads=True)
add("put over the values of others", thrown_away(NONE + b"".join(map(put, range(500)))), loads=None)

for size in (2**31, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1):
    for label, code in {
        "BINBYTES8": b"\x8e",
        "BINUNICODE8": b"\x8d",
        "BYTEARRAY8": b"\x96",
    }.items():
        add(f"{label} of {size} bytes", pickled(code + struct.pack("<Q", size)))
    add(
        f"frame of {size} bytes",
        pickled(b"\x95" + struct.pack("<Q", size), dict_(ema=VALID)),
        loads=True,
    )
for label, code in {"BINBYTES": b"B", "BINUNICODE": b"X"}.items():
    add(f"{label} of 4 GB", pickled(code + b"\xff" * 4))
add("LONG1 without its bytes", pickled(b"\x8a\xff"))
add("numbers of 2040 bits", beside((b"\x8a\xff" + b"\x7f" * 255) * 1000 + POP * 999), loads=True)

REMEMBERED = {
    "sets": EMPTY_SET,
    "marks": MARK,
    "records": get(1) + EMPTY_TUPLE + NEWOBJ,
    "bytes": b"C\0",
}
for label, part in REMEMBERED.items():
    start = text("k") + put(0) + MODULES + put(1)
    add(f"millions of {label}", pickled(start, part * 2_100_000))
WIDE = text("\U0001f600" + "x" * 4000)
add("wide texts", lambda path: path.write_bytes(pickled(WIDE * 30_000)))


# --- one value used again and again ---------------------------------------------------------------


def again(start: bytes, part: bytes, count: int = 300_000) -> bytes:
    return pickled(start, part * count)


MANY = b"".join(text(f"{i}") for i in range(200_000))
add(
    "one list in many sets",
    again(
        EMPTY_LIST + MARK + MANY + b"e" + TUPLE1 + put(1) + SET + put(2), get(2) + get(1) + REDUCE
    ),
)
add(
    "one text as many bytes",
    again(
        tuple_(text("x" * 4000), text("latin1")) + put(1) + ENCODE + put(2),
        get(2) + get(1) + REDUCE,
    ),
)
add(
    "one state for many tables",
    again(
        EMPTY_DICT
        + MARK
        + b"".join(number(i) + NONE for i in range(200_000))
        + b"u"
        + put(1)
        + call(ORDERED)
        + put(2),
        get(2) + get(1) + BUILD,
    ),
)
add(
    "one shape for many tensors",
    again(
        tuple_(NONE, number(0), tuple_(*[number(1)] * 200_000), EMPTY_TUPLE, FALSE, NONE)
        + put(1)
        + TENSOR
        + put(2),
        get(2) + get(1) + REDUCE,
    ),
)
LEGACY = bytes(persistence.legacy_stream(torch.ones(30)))
add(
    "one storage read 300 000 times",
    again(tuple_(data(LEGACY)) + put(1) + STORAGE + put(2), get(2) + get(1) + REDUCE),
)
add(
    "one record 300 000 times",
    again(tuple_(dict_(**FIELDS)) + put(1) + RECORD + put(2), get(2) + get(1) + REDUCE),
)


def write_storage_in_text(path: Path) -> None:
    raw = bytes(persistence.legacy_stream(torch.ones(5_000_000))).decode("latin1")
    start = call(ENCODE, text(raw), text("latin1")) + TUPLE1 + put(1) + STORAGE + put(2)
    path.write_bytes(again(start, get(2) + get(1) + REDUCE))


add("one storage in text read 300 000 times", write_storage_in_text)

COLLIDING = b"".join(number(i * (2**61 - 1)) + NONE for i in range(1, 100_000))
add("keys of one hash", pickled(EMPTY_DICT, MARK, COLLIDING, b"u"))
SLOW = bytes(persistence.legacy_stream(torch.ones(1)))
add(
    "storages by the hundred thousand",
    lambda path: path.write_bytes(pickled(call(STORAGE, data(SLOW)) * 100_000)),
)


# --- tensors -------------------------------------------------------------------------------------

BIAS = STATE["model.map_layer0.bias"]
COUNT = len(BIAS)


def stream(
    *,
    magic: bytes = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19",
    version: bytes = number(1001),
    system: bytes | None = None,
    kind: bytes = global_("torch", "FloatStorage"),
    key: bytes = text("0"),
    place: bytes = text("cpu"),
    numel: bytes | None = None,
    view: bytes = NONE,
    identifier: bytes | None = None,
    keys: bytes | None = None,
    written: int = COUNT,
    values: bytes = BIAS.numpy().tobytes(),
) -> bytes:
    """A storage in the form of torch.save, with something wrong."""
    if system is None:
        sizes = dict_(short=number(2), int=number(4), long=number(4))
        system = dict_(protocol_version=number(1001), little_endian=TRUE, type_sizes=sizes)
    count = number(COUNT) if numel is None else numel
    if identifier is None:
        identifier = tuple_(text("storage"), kind, key, place, count, view) + BINPERSID
    parts = (magic, version, system, identifier, list_(key) if keys is None else keys)
    head = b"".join(pickled(part, protocol=2) for part in parts)
    return head + struct.pack("<q", written) + values


def tensor(
    raw: bytes | None = None,
    offset: bytes = number(0),
    shape: bytes | None = None,
    stride: bytes | None = None,
    *more: bytes,
) -> bytes:
    shape = tuple_(number(COUNT)) if shape is None else shape
    stride = tuple_(number(1)) if stride is None else stride
    storage = call(STORAGE, data(stream() if raw is None else raw))
    return call(TENSOR, storage, offset, shape, stride, FALSE, call(ORDERED), *more)


add("tensor by hand", with_bias(tensor()), loads=True)
HUGE = number(2**61)
TERABYTE = number(2**38)
GEOMETRY: dict[str, dict[str, bytes]] = {
    "zero strides": {"shape": tuple_(TERABYTE), "stride": tuple_(number(0))},
    "zero strides of one value": {"shape": tuple_(number(COUNT + 1)), "stride": tuple_(number(0))},
    "zero strides twice": {
        "shape": tuple_(number(2**20), number(2**20)),
        "stride": tuple_(number(0), number(0)),
    },
    "a terabyte": {"shape": tuple_(TERABYTE)},
    "an overflowing product": {"shape": tuple_(HUGE, HUGE), "stride": tuple_(number(0), number(0))},
    "an overflowing stride": {"shape": tuple_(number(2), number(2)), "stride": tuple_(HUGE, HUGE)},
    "a shape of 2 ** 200": {"shape": tuple_(number(2**200))},
    "a negative shape": {"shape": tuple_(number(-1))},
    "a negative stride": {"stride": tuple_(number(-1))},
    "a negative offset": {"offset": number(-1)},
    "an offset behind the end": {"offset": number(1)},
    "a huge offset": {"offset": HUGE},
    "a float shape": {"shape": tuple_(real(float(COUNT)))},
    "an infinite shape": {"shape": tuple_(real(float("inf")))},
    "a true shape": {"shape": tuple_(TRUE)},
    "a float offset": {"offset": real(0.0)},
    "a false offset": {"offset": FALSE},
    "a list for a shape": {"shape": list_(number(COUNT))},
    "text for a shape": {"shape": text("shape")},
    "no shape": {"shape": NONE},
    "no strides": {"stride": EMPTY_TUPLE},
    "two strides": {"stride": tuple_(number(1), number(1))},
    "nine dimensions": {"shape": tuple_(*[number(1)] * 9), "stride": tuple_(*[number(1)] * 9)},
    "nothing in it": {"shape": tuple_(number(0))},
    "nothing in one dimension": {
        "shape": tuple_(number(0), HUGE),
        "stride": tuple_(number(1), number(1)),
    },
    "another shape": {
        "shape": tuple_(number(2), number(COUNT // 2)),
        "stride": tuple_(number(2), number(1)),
    },
    "fewer values": {"shape": tuple_(number(1))},
    "itself for a shape": {"shape": SELF},
    "shared tuples for a shape": {"shape": SHARED_TUPLES},
    "depth for a shape": {"shape": DEEP},
}
for label, change in GEOMETRY.items():
    add(f"tensor with {label}", with_bias(tensor(**change)))

STREAMS: dict[str, dict[str, Any]] = {
    "another magic number": {"magic": number(12345)},
    "a magic text": {"magic": text("magic")},
    "a deep magic number": {"magic": DEEP},
    "another version": {"version": number(1002)},
    "version true": {"version": TRUE},
    "a big-endian system": {"system": dict_(little_endian=FALSE)},
    "a system that does not say": {"system": EMPTY_DICT},
    "a system of a list": {"system": EMPTY_LIST},
    "a little-endian system as text": {"system": dict_(little_endian=text("True"))},
    "integers": {"kind": global_("torch", "IntStorage")},
    "doubles": {"kind": global_("torch", "DoubleStorage")},
    "an unknown type": {"kind": global_("torch", "QInt8Storage")},
    "a type of text": {"kind": text("FloatStorage")},
    "a type of none": {"kind": NONE},
    "os.system for a type": {"kind": SYSTEM},
    "a call for a type": {"kind": call(SYSTEM, TOUCH)},
    "a call for a version": {"version": call(SYSTEM, TOUCH)},
    "a call for its keys": {"keys": call(SYSTEM, TOUCH)},
    "an allowed call inside": {"keys": call(ORDERED)},
    "a key of a number": {"key": number(0)},
    "a key of depth": {"key": DEEP},
    "a key in itself": {"key": SELF},
    "a place of a number": {"place": number(0)},
    "more values than it says": {"numel": number(COUNT - 1)},
    "fewer values than it says": {"numel": number(COUNT + 1)},
    "a terabyte": {"numel": TERABYTE, "written": 2**38},
    "no values": {"numel": number(0), "written": 0, "values": b""},
    "a negative number of values": {"numel": number(-1), "written": -1},
    "2 ** 200 values": {"numel": number(2**200)},
    "a true number of values": {"numel": TRUE, "written": 1, "values": b"\0" * 4},
    "a float number of values": {"numel": real(float(COUNT))},
    "another written number": {"written": COUNT + 1},
    "a view": {"view": tuple_(text("1"), number(0), number(1))},
    "an identifier of one": {"identifier": tuple_(text("storage")) + BINPERSID},
    "an identifier of text": {"identifier": text("storage") + BINPERSID},
    "an identifier of depth": {"identifier": DEEP + BINPERSID},
    "no identifier": {"identifier": NONE},
    "a module for an identifier": {
        "identifier": tuple_(text("module"), NONE, NONE, NONE) + BINPERSID
    },
    "two keys": {"keys": list_(text("0"), text("0"))},
    "another key": {"keys": list_(text("1"))},
    "no keys": {"keys": EMPTY_LIST},
    "keys of a tuple": {"keys": tuple_(text("0"))},
    "shared tuples for keys": {"keys": list_(SHARED_TUPLES)},
    "too many bytes": {"values": BIAS.numpy().tobytes() + b"\0"},
    "too few bytes": {"values": BIAS.numpy().tobytes()[:-1]},
    "no bytes": {"values": b""},
}
for label, change in STREAMS.items():
    add(f"storage with {label}", with_bias(tensor(stream(**change))))
for cut in (0, 1, 13, 20, 100, len(stream()) - 4 * COUNT - 1):
    add(f"storage cut at {cut}", with_bias(tensor(stream()[:cut])))
NESTED = EMPTY_LIST * 3000 + APPEND * 2999
SLOW_STREAM = stream(system=dict_(little_endian=TRUE, more=NESTED))
add("storage with a long header", with_bias(tensor(SLOW_STREAM)), loads=True)
add("storages with long headers", pickled(call(STORAGE, data(SLOW_STREAM)) * 300))
FEW = stream(
    values=BIAS.numpy().tobytes() + bytes(200_000),
    numel=number(COUNT + 50_000),
    written=COUNT + 50_000,
)
FEW_IN_TEXT = call(STORAGE, call(ENCODE, text(FEW.decode("latin1")), text("latin1")))
add("few values of many", with_bias(tensor(FEW)), loads=True)
add(
    "few values of a long text",
    with_bias(
        call(TENSOR, FEW_IN_TEXT, number(0), tuple_(number(COUNT)), tuple_(number(1)), FALSE, NONE)
    ),
)
add("storage in an archive", with_bias(tensor(b"PK\x03\x04" + stream())))
add(
    "tensor of a record",
    with_bias(call(TENSOR, EMPTY_MODULE, number(0), EMPTY_TUPLE, EMPTY_TUPLE, FALSE, NONE)),
)
add(
    "parameter of a call",
    with_bias(call(PARAMETER, call(SYSTEM, TOUCH), TRUE, NONE)),
    names="os.system",
)
add(
    "hooks of a call",
    with_bias(call(PARAMETER, tensor(), TRUE, call(SYSTEM, TOUCH))),
    names="os.system",
)
add(
    "metadata of a call",
    with_bias(tensor(None, number(0), None, None, call(SYSTEM, TOUCH))),
    names="os.system",
)
add(
    "module in two places",
    with_state(
        lambda state: state["_modules"].update(map_layer1=state["_modules"]["map_layer0"]), "model"
    ),
)


# --- files that are something else ----------------------------------------------------------------

add("empty file", b"")
add("one byte", b"\x80")
add("page of a server", b"<!DOCTYPE html><html><body>404 Not Found</body></html>")
add("pointer of a version control", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
add("folder", lambda path: path.mkdir())
add("link to itself", lambda path: path.symlink_to(path))
add("link to a device", lambda path: path.symlink_to("/dev/zero"))
add("pipe", lambda path: os.mkfifo(path))
add("link to nothing", lambda path: path.symlink_to(path.parent / "nothing"))
for seed in range(40):
    garbage = random.Random(seed).randbytes(3000)
    for label, head in {
        "": b"",
        "pickle": b"\x80\x04",
        "legacy": stream()[:16],
        "zip": b"PK\x03\x04",
    }.items():
        if seed < 10 or not label:
            add(
                f"garbage {label} {seed}", head + garbage, (".pkl", ".pt", ".safetensors")[seed % 3]
            )


# --- files of torch.save -------------------------------------------------------------------------


def saved(value: Any, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def archive(
    pickle_: bytes,
    records: Mapping[str, bytes] | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    """An archive as torch.save writes it, of hand-made records."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        file.writestr("archive/data.pkl", pickle_)
        for name, raw in {"byteorder": b"little", "version": b"3\n", **(records or {})}.items():
            file.writestr(f"archive/{name}", raw)
    return buffer.getvalue()


def old(pickle_: bytes) -> bytes:
    """The same before there were archives."""
    end = stream().index(b"\x80\x02(X\x07\0\0\0storage")
    return stream()[:end] + pickle_ + pickled(EMPTY_LIST, protocol=2)


def several(value: bytes) -> bytes:
    return pickled(value, protocol=2)


for label, wrap in {"archive": archive, "old": old}.items():
    for what, value in WITH_SYSTEM.items():
        if what in ("in a state", "in a record"):  # those names are not allowed here
            continue
        add(f"{label}: os.system {what}", wrap(several(value)), ".pt", names="os.system")
    for (module, name), arguments in list(FORBIDDEN.items())[:: 2 if label == "old" else 1]:
        value = several(dict_(weight=call(global_(module, name), *arguments)))
        add(f"{label}: call of {module}.{name}", wrap(value), ".bin", names=f"{module}.{name}")
    for what, value in SHAPES.items():
        if what == DEEP_TUPLES and label == "old":
            continue
        add(f"{label}: {what} as a key", wrap(several(EMPTY_DICT + value + NONE + SETITEM)), ".pt")
        if what == DEEP_TUPLES:
            continue
        add(f"{label}: {what} as a value", wrap(several(dict_(weight=value))), ".pt")
        add(f"{label}: {what} as an identifier", wrap(several(value + BINPERSID)), ".pt")
        add(
            f"{label}: {what} as sizes", wrap(several(call(global_("torch", "Size"), value))), ".pt"
        )
    for what, value in WRONG_USE.items():
        add(f"{label}: {what}", wrap(several(dict_(weight=value))), ".pt")
    for what, value in OTHERS.items():
        add(f"{label}: operation {what}", wrap(several(value)), ".pt")
    for size in (2**40, 2**62, 2**64 - 1):
        value = several(b"\x8e" + struct.pack("<Q", size))
        add(f"{label}: {size} bytes", wrap(value), ".pt")
    add(
        f"{label}: records of another program",
        wrap(several(call(RECORD, dict_()))),
        ".pt",
        names="torch_utils",
    )
    add(f"{label}: nothing", wrap(b""), ".pt")
    add(f"{label}: plain values", wrap(several(dict_(epoch=number(3), loss=real(0.1)))), ".pt")
    add(
        f"{label}: metadata of another name",
        wrap(several(call(ORDERED) + dict_(_other=NONE) + BUILD)),
        ".pt",
    )
    storage = tuple_(
        text("storage"), global_("torch", "FloatStorage"), text("0"), text("cpu"), TERABYTE
    )
    rebuilt = call(
        TENSOR, storage + BINPERSID, number(0), tuple_(TERABYTE), tuple_(number(1)), FALSE, NONE
    )
    add(f"{label}: a terabyte", wrap(several(dict_(weight=rebuilt))), ".pt")


class Sub(torch.Tensor):
    """A class of this test alone."""


def in_class_of_tests(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.as_subclass(Sub)


WEIGHT = "model.map_layer0.weight"
ODD_TENSORS: dict[str, Callable[[torch.Tensor], Any]] = {
    "sparse": lambda t: t.to_sparse(),
    "compressed": lambda t: t.to_sparse_csr(),
    "without data": lambda t: t.to("meta"),
    "expanded": lambda t: t[:1, :1].expand(2**20, 2**20),
    "complex": lambda t: t.to(torch.complex64),
    "quantised": lambda t: t.to(torch.int8),
    "whole": lambda t: t.long(),
    "true or false": lambda t: t > 0,
    "empty": lambda t: t[:0],
    "of nine dimensions": lambda t: t.reshape(1, 1, 1, 1, 1, 1, 1, *t.shape),
    "of a class": in_class_of_tests,
    "a number": lambda t: 1.5,
    "none": lambda t: None,
    "a list": lambda t: [t],
    "of float8": lambda t: t.to(torch.float8_e4m3fn),
}


def write_odd(path: Path, change: Callable[[torch.Tensor], Any], zipped: bool) -> None:
    path.write_bytes(saved({**STATE, WEIGHT: change(STATE[WEIGHT])}, zipped))


for (label, change), zipped in itertools.product(ODD_TENSORS.items(), (True, False)):
    kind = "archive" if zipped else "old"
    write = functools.partial(write_odd, change=change, zipped=zipped)
    add(f"{kind}: tensor {label}", write, ".pt")


def write_long_name(path: Path) -> None:
    path.write_bytes(saved({**STATE, "model." + "x" * 10_000_000: torch.ones(1)}))


def write_wrapped_name(path: Path) -> None:
    path.write_bytes(saved({"module." * 500: torch.ones(1)}))


def write_many_tensors(path: Path) -> None:
    path.write_bytes(saved({**STATE, **{f"x{i}": BIAS for i in range(100_000)}}, zipped=False))


def write_many_storages(path: Path) -> None:
    path.write_bytes(
        saved({**STATE, **{f"x{i}": torch.ones(1) for i in range(20_001)}}, zipped=False)
    )


def write_many_records(path: Path) -> None:
    entry = struct.pack(
        "<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    )
    count = 1_000_000
    directory = (entry + b"a") * count
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 4, 0)
    path.write_bytes(b"PK\3\4" + directory + end)


for function in (
    write_long_name,
    write_wrapped_name,
    write_many_tensors,
    write_many_storages,
    write_many_records,
):
    add(function.__name__[6:].replace("_", " "), function, ".pt")


# --- archives ------------------------------------------------------------------------------------

ARCHIVE = saved(STATE)


def write_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("archive/data.pkl", pickled(EMPTY_DICT, protocol=2))
        with file.open("archive/data/0", "w", force_zip64=True) as record:
            for _ in range(400):
                record.write(bytes(2**20))


def rewritten(change: Callable[[str, bytes], tuple[str, bytes] | None]) -> bytes:
    """The valid archive with other records."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(ARCHIVE)) as before, zipfile.ZipFile(buffer, "w") as after:
        for record in before.infolist():
            result = change(record.filename, before.read(record))
            if result is not None:
                after.writestr(*result)
    return buffer.getvalue()


def patched(*changes: tuple[bytes, int, bytes]) -> bytes:
    """The valid archive with other bytes at a distance from the last place of some bytes."""
    raw = bytearray(ARCHIVE)
    for anchor, distance, new in changes:
        start = ARCHIVE.rindex(anchor) + distance
        raw[start : start + len(new)] = new
    return bytes(raw)


FOLDER = zipfile.ZipFile(io.BytesIO(ARCHIVE)).namelist()[0].split("/")[0]
DATA_0 = f"{FOLDER}/data/0".encode()
END = b"PK\5\6"
add("archive rewritten", rewritten(lambda name, raw: (name, raw)), ".pt", loads=True)
add(
    "archive that is compressed", archive(several(dict_()), compression=zipfile.ZIP_DEFLATED), ".pt"
)
add("archive of a bomb", write_bomb, ".pt")
add(
    "archive without a pickle",
    rewritten(lambda n, raw: None if n.endswith("pkl") else (n, raw)),
    ".pt",
)
add(
    "archive without a tensor",
    rewritten(lambda n, raw: None if n.endswith("data/0") else (n, raw)),
    ".pt",
)
add(
    "archive with a short tensor",
    rewritten(lambda n, raw: (n, raw[:-1] if "/data/" in n else raw)),
    ".pt",
)
add(
    "archive with a long tensor",
    rewritten(lambda n, raw: (n, raw + b"\0" if "/data/" in n else raw)),
    ".pt",
)
add(
    "archive of a big-endian system",
    rewritten(lambda n, raw: (n, b"big" if n.endswith("order") else raw)),
    ".pt",
)
add("archive in no folder", rewritten(lambda n, raw: (n.split("/", 1)[1], raw)), ".pt")
add("archive in a deep folder", rewritten(lambda n, raw: (f"a/b/{n}", raw)), ".pt")
add("archive in a parent folder", rewritten(lambda n, raw: (f"../{n}", raw)), ".pt")
add(
    "archive in the folder above",
    rewritten(lambda n, raw: ("../" + n.split("/", 1)[1], raw)),
    ".pt",
    loads=None,
)
add(
    "archive with two pickles",
    rewritten(lambda n, raw: (n.replace("data/0", "x").replace(f"{FOLDER}/x", "x/data.pkl"), raw)),
    ".pt",
)
add("archive with a comment", ARCHIVE[:-2] + b"\x05\0hello", ".pt", loads=None)
add("archive behind other bytes", b"PK\3\4" + ARCHIVE, ".pt", loads=None)
add("archive before other bytes", ARCHIVE + b"hello", ".pt", loads=None)
add("archive without a directory", ARCHIVE[: ARCHIVE.index(b"PK\1\2")], ".pt")
add("archive with a record far away", patched((DATA_0, -4, b"\xf0\xff\xff\x7f")), ".pt")
add("archive with a record at a record", patched((DATA_0, -4, b"\0\0\0\0")), ".pt")
add("archive with a terabyte record", patched((DATA_0, -26, b"\xf0\xff\xff\x7f" * 2)), ".pt")
add("archive that is encrypted", patched((DATA_0, -38, b"\1\0")), ".pt")
add("archive of an unknown method", patched((DATA_0, -36, b"\x63\0")), ".pt")
add(
    "archive with a wrong directory size",
    patched((END, 12, b"\xff\xff\xff\x7f")),
    ".pt",
    loads=None,
)
add(
    "archive with a wrong directory place",
    patched((END, 16, b"\xf0\xff\xff\x7f")),
    ".pt",
    loads=None,
)
add(
    "archive of TorchScript",
    archive(several(call(global_("__torch__", "Net"))), {"constants.pkl": b""}),
    ".pt",
    names="__torch__.Net",
)


# --- safetensors ---------------------------------------------------------------------------------


def headed(header: Any, values: bytes = b"", length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + values


ENTRY = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}


def plain_entry(**changes: Any) -> dict[str, Any]:
    return {"weight": {**ENTRY, **changes}}


HEADERS = {
    "of no bytes": headed(b""),
    "that is longer than the file": headed(b"{}", length=100),
    "of 4 GB": headed(b"{}", length=2**32 - 1),
    "of 2 ** 63 bytes": b"\xff" * 7 + b"\x7f{}",
    "of a list": headed([]),
    "of a number": headed(3),
    "of null": headed(b"null"),
    "of broken text": headed(b"{\xff\xfe}"),
    "of depth": headed(b'{"a":' + b"[" * 1_000_000),
    "of depth that closes": headed(b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"),
    "of depth for a shape": headed(plain_entry(shape=json.loads("[" * 900 + "]" * 900)), bytes(16)),
    "of a huge number": headed(b'{"a":' + b"9" * 100_000 + b"}"),
    "with nothing": headed({}),
    "with an entry of a list": headed({"weight": [1, 2]}),
    "with an entry of null": headed({"weight": None}),
    "with an entry of text": headed({"weight": "data_offsets"}),
    "with an entry without a shape": headed({"weight": {"dtype": "F32", "data_offsets": [0, 0]}}),
    "with an unknown type": headed(plain_entry(dtype="F8_E9"), bytes(16)),
    "with a type of a list": headed(plain_entry(dtype=["F32"]), bytes(16)),
    "with a type of 1 MB": headed(plain_entry(dtype="F" * 1_000_000), bytes(16)),
    "with a terabyte": headed(plain_entry(shape=[2**20, 2**20], data_offsets=[0, 2**42])),
    "with an overflowing shape": headed(plain_entry(shape=[2**61, 2**61], data_offsets=[0, 0])),
    "with a shape of 10 ** 4000": headed(plain_entry(shape=[10**4000, 0], data_offsets=[0, 0])),
    "with a shape of a million": headed(plain_entry(shape=[9] * 1_000_000), bytes(16)),
    "with a negative shape": headed(plain_entry(shape=[-2, -2]), bytes(16)),
    "with a float shape": headed(plain_entry(shape=[2.0, 2.0]), bytes(16)),
    "with a true shape": headed(plain_entry(shape=[True, 4]), bytes(16)),
    "with a shape of null": headed(plain_entry(shape=None), bytes(16)),
    "with negative offsets": headed(plain_entry(data_offsets=[-16, 0]), bytes(16)),
    "with turned offsets": headed(plain_entry(data_offsets=[16, 0]), bytes(16)),
    "with three offsets": headed(plain_entry(data_offsets=[0, 16, 32]), bytes(32)),
    "with offsets of text": headed(plain_entry(data_offsets=["0", "16"]), bytes(16)),
    "with infinite offsets": headed(
        b'{"w":{"dtype":"F32","shape":[],"data_offsets":[0,Infinity]}}'
    ),
    "with a gap": headed(plain_entry(data_offsets=[4, 20]), bytes(20)),
    "with an overlap": headed({**plain_entry(), "b": ENTRY}, bytes(16)),
    "with values behind it": headed(plain_entry(), bytes(20)),
    "with too few values": headed(plain_entry(), bytes(12)),
    "with metadata of a list": headed({"__metadata__": [], **plain_entry()}, bytes(16)),
    "with metadata of null": headed({"__metadata__": None, **plain_entry()}, bytes(16)),
    "with metadata of a number": headed(
        {"__metadata__": {"diffviews": 3}, **plain_entry()}, bytes(16)
    ),
    "of another network": headed(plain_entry(), bytes(16)),
    "of 100 000 tensors": headed({f"{i}": EMPTY for i in range(100_000)}),
    "of 20 001 tensors": headed({f"{i}": EMPTY for i in range(20_001)}),
    "with a name of 1 MB": headed({"x" * 1_000_000: ENTRY}, bytes(16)),
    "with a name of wrappers": headed({"module." * 400_000: ENTRY}, bytes(16)),
    "with a name of odd letters": headed({"model.\u202e\n\ud800": ENTRY}, bytes(16)),
    "with an empty name": headed({"": ENTRY}, bytes(16)),
}
for label, raw in HEADERS.items():
    add(f"header {label}", raw, ".safetensors")


def with_config(
    config: str | Mapping[str, Any], state: Mapping[str, torch.Tensor] = STATE
) -> Callable[[Path], None]:
    text_ = config if isinstance(config, str) else json.dumps({**CONFIG, **config})
    return lambda path: safetensors.torch.save_file(
        dict(state), path, metadata={"diffviews": text_}
    )


CONFIGS: dict[str, Any] = {
    "num_blocks": 10**9,
    "channel_mult": [10**9],
    "model_channels": 10**12,
    "img_resolution": 10**9,
    "img_channels": 10**9,
    "label_dim": 10**9,
    "channel_mult_emb": 10**9,
    "augment_dim": -1,
    "attn_resolutions": list(range(64)),
    "embedding_type": "x" * 10_000,
    "model_type": "\u202e\n" * 100,
    "sigma_data": float("nan"),
    "sigma_max": float("-inf"),
    "sigma_min": float("inf"),
    "dropout": 10**300,
    "label_dropout": -1,
    "use_fp16": "yes",
    "class_name": "os.system",
}
for key, value in CONFIGS.items():
    add(
        f"configuration with {key}",
        with_config({key: value}),
        ".safetensors",
        names=key if key != "class_name" else "os.system",
    )
for label, value in {
    "num_blocks": 10**4000,
    "channel_mult": [[[1]]],
    "img_resolution": {"a": 1},
    "other": "x" * 1000,
}.items():
    add(
        f"configuration with an odd {label}",
        with_config({label: value}),
        ".safetensors",
        loads=None,
    )
add("configuration of depth", with_config("[" * 1_000_000), ".safetensors")
add("configuration of some depth", with_config("[" * 20_000), ".safetensors")
add("configuration of 3 MB", with_config("[" + "[]," * 1_000_000 + "[]]"), ".safetensors")
add("configuration of a list", with_config("[]"), ".safetensors")
add("configuration of text", with_config("hello"), ".safetensors")
add(
    "configuration of a million keys",
    with_config(json.dumps({f"k{i}": i for i in range(5_000)})),
    ".safetensors",
    loads=None,
)


def renamed(change: Callable[[str], str]) -> dict[str, torch.Tensor]:
    return {change(name): tensor for name, tensor in STATE.items()}


def copied(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in state.items()}


def many_blocks(count: int) -> dict[str, torch.Tensor]:
    names = {f"model.enc.2x2_block{i}.conv0.weight": torch.ones(1) for i in range(count)}
    return {**STATE, **names}


TENSOR_NAMES: dict[str, dict[str, torch.Tensor]] = {
    "resolution 10 ** 9": renamed(lambda name: name.replace("2x2", "1000000000x1000000000")),
    "resolution 9999": renamed(lambda name: name.replace("2x2", "9999x9999")),
    "resolution 0": renamed(lambda name: name.replace("2x2", "0x0")),
    "resolution in other digits": renamed(lambda name: name.replace("2x2", "٢x٢")),
    "two resolutions": {**copied(STATE), **renamed(lambda name: name.replace("2x2", "16x16"))},
    "999 blocks": many_blocks(999),
    "no names": {f"{i}": tensor for i, tensor in enumerate(STATE.values())},
    "one tensor": {"model.enc.2x2_block0.conv0.weight": torch.ones(1)},
    "noise levels of a point": {**STATE, "u": torch.tensor(1.0)},
    "noise levels of a table": {**STATE, "u": torch.ones(3, 3)},
    "one noise level": {**STATE, "u": torch.ones(1)},
    "ten million noise levels": {**STATE, "u": torch.ones(10_000_000)},
    "a filter of a point": {**STATE, "model.enc.resample_filter": torch.tensor(1.0)},
    "a filter of a thousand": {**STATE, "model.enc.resample_filter": torch.ones(1000)},
    "whole numbers": {**STATE, WEIGHT: STATE[WEIGHT].long()},
    "thousands of resolutions": {
        f"model.enc.{i}x{i}_block0.conv0.weight": torch.ones(1) for i in range(1, 9999)
    },
}
for label, state in TENSOR_NAMES.items():
    loads = None if label == "resolution 9999" else False
    add(
        f"tensors with {label}",
        lambda path, state=state: safetensors.torch.save_file(state, path),
        ".safetensors",
        loads=loads,
    )
for key in list(STATE)[::3]:
    shorter = {**STATE, key: STATE[key][:-1].contiguous()}
    add(
        f"{key} with one row less",
        lambda path, state=shorter: safetensors.torch.save_file(state, path),
        ".safetensors",
    )


def write_with_hole(path: Path, head: bytes, size: int, tail: bytes = b"") -> None:
    """A file with many zeros, which take no place on the disk."""
    with path.open("wb") as file:
        file.write(head)
        file.seek(size, os.SEEK_CUR)
        file.write(tail)
        file.truncate()


def large_network() -> bytes:
    """The header of a network with 2 ** 36 classes."""
    header, done = {}, 0
    for name, tensor in STATE.items():
        shape = [4, 2**36] if name == "model.map_label.weight" else list(tensor.shape)
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [done, done + size]}
        done += size
    return headed(header)


HOLE = 4 * sum(tensor.numel() for tensor in STATE.values()) + 4 * (4 * 2**36 - 8)
one_tensor = headed(plain_entry(shape=[2**38], data_offsets=[0, 2**40]))
long_bytes = b"\x80\x02" + STORAGE + b"\x8e" + struct.pack("<Q", 2**40)
long_text = b"\x80\x02" + STORAGE + ENCODE + b"\x8d" + struct.pack("<Q", 2**40)
END_OF_TEXT = text("latin1") + TUPLE2 + REDUCE + TUPLE1 + REDUCE + STOP
HOLES: dict[str, tuple[str, bytes, int, bytes]] = {
    "tensor": (".safetensors", one_tensor, 2**40, b""),
    "network": (".safetensors", large_network(), HOLE, b""),
    "storage": (".pkl", long_bytes, 2**40, TUPLE1 + REDUCE + STOP),
    "storage in text": (".pkl", long_text, 2**40, END_OF_TEXT),
    "pickle": (".pkl", b"\x80\x02", 2**40, b""),
    "state dict": (".pt", bytes(LEGACY), 2**40, b""),
}
for label, (suffix, *content) in HOLES.items():
    write = functools.partial(write_with_hole, head=content[0], size=content[1], tail=content[2])
    add(f"a terabyte of zeros in a {label}", write, suffix, names="memory" * (label == "network"))


# --- reading them --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def write_valid(folder: Path) -> dict[str, Path]:
    """The valid file in each format."""
    paths = {kind: folder / f"valid{kind}" for kind in (".pkl", ".safetensors", ".pt", ".bin")}
    paths[".pkl"].write_bytes(persistence.dumps({"ema": network(MODEL, CONFIG)}))
    save_checkpoint(paths[".safetensors"], CONFIG, STATE)
    paths[".pt"].write_bytes(ARCHIVE)
    paths[".bin"].write_bytes(saved(STATE, zipped=False))
    return paths


@pytest.fixture(scope="module")
def reader(folder: Path) -> Iterator[Reader]:
    valid = write_valid(folder)
    valid["rewritten"] = folder / "rewritten.pt"
    CORPUS["archive rewritten"].write(valid["rewritten"])
    with Reader(folder, warm=list(valid.values())) as server:
        yield server


def test_the_readers_process_sees_what_happens(reader: Reader, folder: Path) -> None:
    """The same payloads on Python's own reader, which is not safe."""
    path = folder / "unsafe.pkl"
    payloads = {
        "os.system": call(SYSTEM, TOUCH),
        "open": call(global_("builtins", "eval"), CREATE),
        "import": call(global_("builtins", "__import__"), text("sched")),
    }
    for event, payload in payloads.items():
        path.write_bytes(pickled(payload))
        assert any(seen.startswith(event) for seen in reader.read(path, by="pickle").events)
        assert (folder / MARKER).exists() == (event != "import")
        (folder / MARKER).unlink(missing_ok=True)


def test_the_source_text_is_poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(POISON, {})
    assert (tmp_path / MARKER).exists()


@pytest.mark.filterwarnings("ignore")  # of torch, about the tensors that are written
@pytest.mark.parametrize("name", CORPUS)
def test_hostile_file(reader: Reader, folder: Path, name: str) -> None:
    entry = CORPUS[name]
    path = folder / f"evil{entry.suffix}"
    entry.write(path)
    try:
        check(reader.read(path), entry, path)
        assert not (folder / MARKER).exists()
    finally:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


def check(outcome: Outcome, entry: Entry, path: Path) -> None:
    assert not outcome.end
    assert outcome.events == ()
    assert outcome.seconds < MAX_SECONDS
    assert outcome.growth < MAX_GROWTH
    if outcome.error is None:
        assert entry.loads is not False
        assert outcome.digest == digest(STATE)
        return
    assert outcome.error == "CheckpointError", outcome.text
    assert not entry.loads, outcome.text
    check_text(outcome.text, path)
    assert entry.names in outcome.text


def check_text(said: str, path: Path) -> None:
    """One or two sentences that name the file and say what to do."""
    assert path.name in said
    assert len(said) <= 600
    assert said.isprintable()
    assert said.endswith(".")
    assert said.count(". ") <= 2, said
    assert any(advice in said for advice in ADVICE), said


# --- files that end early ------------------------------------------------------------------------


def assert_whole_or_refused(path: Path) -> bool:
    """Whether it loads as the valid file."""
    try:
        model = load_checkpoint(path).model
    except CheckpointError as error:
        check_text(str(error), path)
        return False
    assert digest(model.state_dict()) == digest(STATE)
    return True


@pytest.mark.parametrize("kind", [".pkl", ".safetensors", ".pt", ".bin"])
def test_a_file_that_ends_early(tmp_path: Path, kind: str) -> None:
    """At every byte of the first 2 KB (in one format) and of the last 40, and at every kilobyte."""
    whole = write_valid(tmp_path)[kind]
    raw = whole.read_bytes()
    path = tmp_path / f"cut{kind}"
    ends = {*range(0, 2048, 1 if kind == ".pkl" else 32), *range(0, len(raw), 1024)}
    ends |= {*range(len(raw) - 40, len(raw))}
    loaded = []
    for end in sorted(ends):
        path.write_bytes(raw[:end])
        if assert_whole_or_refused(path):
            loaded.append(end)
    assert loaded == []
    assert assert_whole_or_refused(whole)
