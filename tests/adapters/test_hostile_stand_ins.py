"""What could run stays refused beside the harmless objects that have stand-ins.

Each file is a training's checkpoint as torch.save writes it, with a hostile value where its
arguments would be. It is read in a process of its own (see `isolated`).
"""

from __future__ import annotations

import io
import zipfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from isolated import Reader
from persistence import (
    BINPERSID,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_TUPLE,
    FALSE,
    LEAST,
    MARK,
    NEWOBJ,
    NEWOBJ_EX,
    NONE,
    REDUCE,
    SETITEM,
    call,
    data,
    dict_,
    filled,
    global_,
    list_,
    number,
    stack_global,
    text,
    tuple_,
)

STATE = filled("EDMPrecond", LEAST).state_dict()
HERE = "<here>"
MARKER = "MARKER"
TOUCH, CREATE = text(f"touch {MARKER}"), text(f"open({MARKER!r}, 'w').close()")
SYSTEM = call(global_("os", "system"), TOUCH)
NAMESPACE = global_("argparse", "Namespace") + EMPTY_TUPLE + NEWOBJ

CALLS: dict[str, tuple[bytes, ...]] = {
    # calls and look-ups
    **dict.fromkeys(["os.system", "posix.system", "os.popen", "pty.spawn"], (TOUCH,)),
    **dict.fromkeys(["builtins.eval", "builtins.exec", "__builtin__.eval"], (CREATE,)),
    "builtins.getattr": (text("x"), text("__class__")),
    "builtins.setattr": (text("x"), text("y"), NONE),
    "builtins.vars": (),
    "builtins.globals": (),
    "builtins.__import__": (text("sched"),),
    "builtins.filter": (NONE, EMPTY_LIST),
    "builtins.type": (text("X"), EMPTY_TUPLE, EMPTY_DICT),
    "builtins.memoryview": (NONE,),
    "builtins.bytearray": (number(2**33),),
    "builtins.list": (EMPTY_LIST,),
    "builtins.bytes": (number(2**33),),
    "operator.attrgetter": (text("system"),),
    "operator.itemgetter": (number(0),),
    "operator.methodcaller": (text("system"), TOUCH),
    "operator.call": (NONE,),
    "functools.partial": (NONE,),
    "functools.reduce": (NONE, NONE),
    "functools.partialmethod": (NONE,),
    "functools.cached_property": (NONE,),
    "copyreg._reconstructor": (NONE, NONE, NONE),
    "copyreg.__newobj_ex__": (NONE, EMPTY_TUPLE, EMPTY_DICT),
    "copyreg.add_extension": (text("os"), text("system"), number(1)),
    "copyreg.pickle": (NONE, NONE),
    "copy_reg._reconstructor": (NONE, NONE, NONE),
    "importlib.import_module": (text("sched"),),
    "importlib._bootstrap._call_with_frames_removed": (NONE,),
    "pkgutil.resolve_name": (text("os:system"),),
    "types.FunctionType": (NONE,),
    "types.MethodType": (NONE, NONE),
    "types.ModuleType": (text("x"),),
    "types.DynamicClassAttribute": (NONE,),
    "weakref.finalize": (NONE, NONE),
    "atexit.register": (NONE,),
    "threading.Thread": (NONE, NONE),
    "multiprocessing.util.Finalize": (NONE, NONE),
    "concurrent.futures.ThreadPoolExecutor": (number(2),),
    "logging.config.dictConfig": (EMPTY_DICT,),
    "unittest.mock._importer": (text("os.system"),),
    "doctest.debug_script": (CREATE,),
    "ast.literal_eval": (CREATE,),
    "tempfile.NamedTemporaryFile": (),
    "fileinput.input": (text(MARKER),),
    "http.server.test": (),
    "sqlite3.connect": (text(MARKER),),
    "dbm.open": (text(MARKER), text("c")),
    "shelve.open": (text(MARKER),),
    # of the modules that have stand-ins
    "argparse.FileType": (text("w"),),
    "argparse.ArgumentParser": (),
    "collections.namedtuple": (text("X"), text("a")),
    "collections.abc.Callable": (NONE,),
    "pathlib.os": (),
    "pathlib.Path.write_text": (text(MARKER), text("x")),
    "pathlib.Path.touch": (text(MARKER),),
    "pathlib._local.os.system": (TOUCH,),
    "datetime.sys": (),
    "datetime.datetime.strptime": (text("x"), text("y")),
    "decimal.getcontext": (),
    "uuid.os.system": (TOUCH,),
    "uuid._load_system_functions": (),
    "uuid.getnode": (),
    "typing.get_type_hints": (NONE,),
    "typing._eval_type": (CREATE, NONE, NONE),
    "typing.NamedTuple": (text("X"), EMPTY_LIST),
    "enum.Enum": (text("X"), text("a")),
    "omegaconf.OmegaConf": (),
    "omegaconf.omegaconf.OmegaConf.register_resolver": (text("x"), NONE),
    "omegaconf.resolvers.oc.env": (text("HOME"),),
    "numpy.core.multiarray._reconstruct": (NONE, tuple_(number(0)), data(b"b")),
    "numpy.ndarray": (tuple_(number(2**30)),),
    "numpy.vectorize": (NONE,),
    "numpy.f2py.crackfortran.myeval": (CREATE,),
    "numpy.distutils.exec_command.exec_command": (TOUCH,),
    "numpy.memmap": (text(MARKER),),
    "torch.load": (text(MARKER),),
    "torch.compile": (NONE,),
    "torch.hub.load": (text("x"), text("y")),
    "torch.utils.cpp_extension.load": (text("x"), EMPTY_LIST),
    "torch.utils._config_module.load_config": (NONE, NONE),
    "torch.serialization._load": (NONE,),
    "torch.serialization._get_layout.__globals__": (),
    "torch.fx._symbolic_trace._patch_function": (NONE, number(1)),
    "torch.fx.graph_module.reduce_graph_module": (EMPTY_DICT, text("import os")),
    "torch._inductor.codecache.PyCodeCache.load": (CREATE,),
    "torch.jit.unsupported_tensor_ops.execWrapper": (CREATE, NONE, NONE),
    "torch._dynamo.guards.GuardBuilder.get": (CREATE,),
    "torch.distributed.rpc.internal._run_function": (NONE,),
    "torch.nn.Module": (),
    "torch.optim.adam.Adam": (EMPTY_LIST,),
    "torch.optim.lr_scheduler.LambdaLR": (NONE, NONE),
    "torch._tensor._rebuild_from_type_v2": (NONE, NONE, EMPTY_TUPLE, NONE),
    "torch._utils._rebuild_wrapper_subclass": (NONE,),
    "torch._utils._rebuild_device_tensor_from_numpy": (NONE,),
    "__main__.Args": (),
    "guided_diffusion.gaussian_diffusion.ModelMeanType": (number(1),),
}
LOOKALIKES = [
    ("argparse", "namespace"),
    ("argparse", "Namespace "),
    ("argparse ", "Namespace"),
    ("Argparse", "Namespace"),
    ("\u0430rgparse", "Namespace"),  # a Cyrillic letter
    ("argparse", "Namespac\u0435"),
    ("argparse.argparse", "Namespace"),
    ("argparse", "Namespace.__init__.__globals__"),
    ("argparse\0", "Namespace"),
    ("", "argparse.Namespace"),
    ("pathlib", "PosixPath.__class__"),
    ("pathlib.PosixPath", "write_text"),
    ("pathIib", "PosixPath"),
    ("torch", "devlce"),
    ("torch ", "device"),
    ("collections", "OrderedDict.__init__"),
    ("collections.OrderedDict", "fromkeys"),
    ("types", "SimpleNamespace.__class__"),
    ("builtins", "set.__class__"),
]
TENSOR, FLOATS = global_("torch._utils", "_rebuild_tensor_v2"), global_("torch", "FloatStorage")
PLAIN_STORAGE = (text("storage"), FLOATS, text("0"), text("cpu"))
STORED = tuple_(*PLAIN_STORAGE, number(1)) + BINPERSID

FORMS: dict[str, bytes] = {
    "in the state of a namespace": NAMESPACE + dict_(x=SYSTEM) + BUILD,
    "as __setstate__": NAMESPACE + dict_(__setstate__=global_("os", "system")) + BUILD,
    "as __reduce__": NAMESPACE + dict_(__reduce__=global_("builtins", "eval")) + BUILD,
    "as __class__": NAMESPACE + dict_(__class__=global_("os", "system")) + BUILD,
    "as a slot": NAMESPACE + tuple_(NONE, dict_(__dict__=SYSTEM)) + BUILD,
    "as an argument of new": global_("argparse", "Namespace") + tuple_(SYSTEM) + NEWOBJ,
    "as a factory": call(global_("collections", "defaultdict"), global_("os", "system")),
    "as a part of a path": call(global_("pathlib", "PosixPath"), SYSTEM),
    "in a deque": call(global_("collections", "deque"), list_(SYSTEM)),
    "in a counter": call(global_("collections", "Counter"), dict_(x=SYSTEM)),
    "as a device": call(global_("torch", "device"), SYSTEM),
    "as sizes": call(global_("torch", "Size"), list_(number(1))),
    "as a key": EMPTY_DICT + SYSTEM + NONE + SETITEM,
    "a namespace that is called": NAMESPACE + tuple_(TOUCH) + REDUCE,
    "a path that is called": call(global_("pathlib", "Path"), text("x")) + tuple_(TOUCH) + REDUCE,
    "a namespace that makes": NAMESPACE + EMPTY_TUPLE + NEWOBJ,
    "a namespace by a call": call(global_("argparse", "Namespace")),
    "a path that is new": global_("pathlib", "PosixPath") + EMPTY_TUPLE + NEWOBJ,
    "new with names": global_("argparse", "Namespace") + EMPTY_TUPLE + EMPTY_DICT + NEWOBJ_EX,
    "by a state of text": text("os") + dict_(system=NONE) + BUILD,
    "a state of a dictionary": EMPTY_DICT + dict_(x=NONE) + BUILD,
    "an instance": MARK + TOUCH + b"ios\nsystem\n",
    "an instance of a namespace": MARK + b"iargparse\nNamespace\n",
    "an object": MARK + global_("os", "system") + TOUCH + b"o",
    "an object that is a namespace": MARK + global_("argparse", "Namespace") + b"o",
    "extension 1": b"\x82\x01",
    "extension 2": b"\x83\x01\x00",
    "extension 4": b"\x84\x01\x00\x00\x00",
    "a persistent line": b"Pos.system\n",
    "a nested identifier": STORED + BINPERSID,
    "an identifier of a call": SYSTEM + BINPERSID,
    "an identifier of another kind": tuple_(text("module"), *PLAIN_STORAGE[1:], number(1))
    + BINPERSID,
    "an identifier with a view": tuple_(*PLAIN_STORAGE, number(1), SYSTEM) + BINPERSID,
    "an identifier of a type": tuple_(text("storage"), global_("argparse", "Namespace"))
    + BINPERSID,
    "a buffer": b"\x97",
    "a copy of the top": NONE + b"2",
    "a float in letters": b"F1.0\n",
    "a whole number in letters": b"I1\n",
    "text in quotes": b"S'x'\n",
    "an array of objects": call(global_("numpy", "dtype"), text("O8"), FALSE, FALSE),
    "an array of text": call(global_("numpy", "dtype"), text("U8"), FALSE, FALSE),
    "an array of records": call(global_("numpy", "dtype"), text("V8"), FALSE, FALSE),
    "a scalar of objects": call(
        global_("numpy._core.multiarray", "scalar"), global_("os", "system"), data(b"x")
    ),
    "a tensor of a call": call(TENSOR, SYSTEM, number(0), EMPTY_TUPLE, EMPTY_TUPLE, FALSE, NONE),
    "a tensor of a namespace": call(
        TENSOR, NAMESPACE, number(0), EMPTY_TUPLE, EMPTY_TUPLE, FALSE, NONE
    ),
    "a tensor with hooks": call(TENSOR, STORED, number(0), EMPTY_TUPLE, EMPTY_TUPLE, FALSE, SYSTEM),
    "a tensor too large": call(
        TENSOR, STORED, number(0), tuple_(number(2**40)), tuple_(number(1)), FALSE, NONE
    ),
    "an old tensor of nothing": call(
        global_("torch._utils", "_rebuild_tensor"), NONE, number(0), EMPTY_TUPLE, EMPTY_TUPLE
    ),
    "a parameter of a namespace": call(
        global_("torch._utils", "_rebuild_parameter"), NAMESPACE, FALSE, NONE
    ),
    "by the stack": stack_global("os", "system") + tuple_(TOUCH) + REDUCE,
    "by two names": stack_global("argparse", "_sys.modules"),
    "a name that is no text": EMPTY_LIST + text("x") + b"\x93",
}

CORPUS = {
    f"call of {name}": (call(global_(*name.rsplit(".", 1)), *a), name) for name, a in CALLS.items()
}
CORPUS |= {
    f"lookalike {module!r} {name!r}": (stack_global(module, name) + EMPTY_TUPLE + NEWOBJ, "")
    for module, name in LOOKALIKES
}
CORPUS |= {name: (value, "") for name, value in FORMS.items()}


def training(value: bytes, zipped: bool) -> bytes:
    """A checkpoint with a value of some operations beside the weights."""
    buffer = io.BytesIO()
    content = {"model": STATE, "args": HERE, "epoch": 3}
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    if not zipped:
        return buffer.getvalue().replace(text_of_torch(HERE), value, 1)
    out = io.BytesIO()
    with zipfile.ZipFile(buffer) as before, zipfile.ZipFile(out, "w") as after:
        for record in before.infolist():
            raw = before.read(record)
            if record.filename.endswith("data.pkl"):
                assert raw.count(text_of_torch(HERE)) == 1
                raw = raw.replace(text_of_torch(HERE), value)
            after.writestr(record.filename, raw)
    return out.getvalue()


def text_of_torch(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stand-ins")


@pytest.fixture(scope="module")
def reader(folder: Path) -> Iterator[Reader]:
    valid = [folder / "valid.pt", folder / "valid.bin"]
    for path, zipped in zip(valid, (True, False), strict=True):
        path.write_bytes(training(NAMESPACE + dict_(lr=text("1e-4")) + BUILD, zipped))
    with Reader(folder, warm=valid) as server:
        yield server


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 150


def test_the_same_file_with_arguments_opens(reader: Reader, folder: Path) -> None:
    for name in ("valid.pt", "valid.bin"):
        outcome = reader.read(folder / name)
        assert outcome.error is None, outcome.text


@pytest.mark.parametrize("name", CORPUS)
def test_what_could_run_is_refused(reader: Reader, folder: Path, name: str) -> None:
    value, named = CORPUS[name]
    zipped = len(name) % 2 == 0
    path = folder / ("evil.pt" if zipped else "evil.bin")
    path.write_bytes(training(value, zipped))
    outcome = reader.read(path)
    assert outcome.events == ()
    assert not outcome.end
    assert not (folder / MARKER).exists()
    assert outcome.error == "CheckpointError", outcome
    assert path.name in outcome.text
    assert named in outcome.text
    assert outcome.text.isprintable()
    assert outcome.seconds < 10
    assert outcome.growth < 300_000_000


def test_payloads_are_live() -> None:
    """What is refused would be taken by Python's own reader."""
    import pickle

    value = NAMESPACE + dict_(x=text("y")) + BUILD
    assert pickle.loads(b"\x80\x04" + value + b".") == Namespace(x="y")
    assert pickle.loads(b"\x80\x04" + call(global_("builtins", "eval"), text("1 + 1")) + b".") == 2
