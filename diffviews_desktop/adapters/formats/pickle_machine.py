"""A pickle reader that can only build inert values.

It knows the opcodes that pickle's protocols 2 to 5 use for plain data and for objects, and calls
nothing but the functions of an allow-list, found by the exact module and name. What such a function
returns cannot be called, and only values that ask for it (`Buildable`) take a state. Long strings
and bytes are not read: they become places in the file.
"""

from __future__ import annotations

import codecs
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from diffviews_desktop.adapters.formats.stored import excerpt
from diffviews_desktop.errors import CheckpointError

MAX_SHORT_TEXT = 4096
MAX_NAME = 256
MAX_KEY = 2**60  # larger whole numbers can be made to have one hash
CHUNK = 2**20
_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    MemoryError,
    EOFError,
    struct.error,
)

Builder = Callable[..., Any]
"""Makes a value from the arguments in the file."""


class Refused(Exception):
    """The stream holds something that is not allowed; the text says what."""


class Damaged(Exception):
    """The stream is no whole pickle; the text says why."""


@dataclass(slots=True)
class Budget:
    """What all pickles of one file together may still cost; a full-size network takes a quarter.

    Attributes:
        operations: pickle operations.
        text: bytes of short texts.
    """

    operations: int = 500_000
    text: int = 2**24

    def spend_text(self, length: int) -> None:
        """Raises `Refused` where nothing is left."""
        self.text -= length
        if self.text < 0:
            raise Refused("more than 16 MB of short texts")


@dataclass(frozen=True, slots=True)
class Allowed:
    """A name of the allow-list, as a value on the stack: immutable, and not callable.

    ``reduce`` is what REDUCE does with it and ``new`` what NEWOBJ does; None refuses.
    """

    module: str
    name: str
    reduce: Builder | None = None
    new: Builder | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes: a place in the file, or, where they are few, themselves.

    ``latin`` says that the file holds them as UTF-8 text of the characters 0 … 255 (protocol 2).
    """

    offset: int
    length: int
    latin: bool = False
    data: bytes | None = None

    def chunks(self, file: BinaryIO, size: int = CHUNK) -> Iterator[bytes]:
        """The bytes, in pieces of about ``size``.

        Raises:
            EOFError: the file ends before.
            ValueError: the text holds other characters.
        """
        if self.data is not None:
            yield self.data
            return
        decoder = codecs.getincrementaldecoder("utf-8")()
        for position in range(0, self.length, size):
            file.seek(self.offset + position)
            chunk = file.read(min(size, self.length - position))
            if not chunk:
                raise EOFError
            last = position + size >= self.length
            yield decoder.decode(chunk, last).encode("latin-1") if self.latin else chunk


@dataclass(frozen=True, slots=True)
class LongText:
    """Text too long to be a name: a place in the file, never read."""

    offset: int
    length: int


@contextmanager
def explain_errors(path: Path, needs: str, advice: str) -> Iterator[None]:
    """Turns what goes wrong while a pickle is read into a `CheckpointError`.

    Args:
        path: the file, for the message.
        needs: what such a file is, as in "an EDM checkpoint".
        advice: what to do about a file that holds something else.
    """
    try:
        yield
    except Refused as error:
        raise CheckpointError(
            f"{path.name} holds {error}, which {needs} does not need, so it was not opened and "
            f"nothing in it was run. {advice}"
        ) from None
    except Damaged as error:
        raise CheckpointError(
            f"{path.name} is damaged: {error}. Copy or download it again."
        ) from None
    except _DAMAGE as error:
        raise CheckpointError(f"{path.name} is damaged. Copy or download it again.") from error


class Buildable(ABC):
    """A value that takes a state."""

    @abstractmethod
    def build(self, state: Any) -> None:
        """Take the state.

        Raises:
            Refused: it makes no sense, or there was one already.
        """


class Aside(Buildable):
    """Stands for an object that the program has no use for: what is put into it is dropped."""

    def build(self, state: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def update(self, items: Any) -> None:
        pass


class PickleMachine:
    """Reads one pickle from a file.

    Args:
        file: the file, positioned at the pickle.
        end: where the file ends.
        allowed: the allow-list, by (module, name).
        budget: what may be spent.
        persistent: makes a value from a persistent id; None refuses them.
        ignored: attributes that a dictionary may be given, and which are left out.
    """

    def __init__(
        self,
        file: BinaryIO,
        end: int,
        allowed: Mapping[tuple[str, str], Allowed],
        budget: Budget,
        persistent: Builder | None = None,
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        self._file = file
        self._end = end
        self._position = file.tell()
        self._allowed = allowed
        self._persistent = persistent
        self._ignored = ignored
        self._budget = budget
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """The value that the pickle describes; the file is left behind its end.

        Raises:
            Refused: it holds something that is not allowed.
            Damaged: it is no whole pickle.
        """
        while self._budget.operations > 0:
            self._budget.operations -= 1
            code = self._read(1)[0]
            if code == 0x2E:  # STOP
                value = self._pop()
                self._file.seek(self._position)
                return value
            operation = _OPERATIONS.get(code)
            if operation is None:
                raise Refused(f"the pickle operation {code:#04x} at byte {self._position - 1}")
            operation(self)
        raise Refused("more than half a million pickle operations")

    # ---- reading --------------------------------------------------------------------------------

    def _read(self, count: int) -> bytes:
        if not 0 <= count <= self._end - self._position:
            raise Damaged(f"it ends in the middle of a value at byte {self._position}")
        data = self._file.read(count)
        if len(data) != count:
            raise Damaged(f"it ends in the middle of a value at byte {self._position}")
        self._position += count
        return data

    def _number(self, layout: struct.Struct) -> Any:
        return layout.unpack(self._read(layout.size))[0]

    def _line(self) -> str:
        line = bytearray()
        while (byte := self._read(1)) != b"\n":
            line += byte
            if len(line) > MAX_NAME:
                raise Refused(f"a global with a name of more than {MAX_NAME} characters")
        return line.decode("utf-8")

    def _skip(self, length: int) -> int:
        start = self._position
        if not 0 <= length <= self._end - start:
            raise Damaged(f"it ends in the middle of a value at byte {start}")
        self._position += length
        self._file.seek(self._position)
        return start

    # ---- the stack ------------------------------------------------------------------------------

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if not self._stack:
            raise Damaged("a value is missing")
        return self._stack.pop()

    def _top(self, kind: type) -> Any:
        if not self._stack or type(self._stack[-1]) not in (kind, Aside):
            raise Damaged(f"a {kind.__name__} is missing")
        return self._stack[-1]

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _pop_mark(self) -> list[Any]:
        if not self._marks:
            raise Damaged("a mark is missing")
        items, self._stack = self._stack, self._marks.pop()
        return items

    # ---- operations -----------------------------------------------------------------------------

    def _discard(self) -> None:
        self._pop()

    def _discard_mark(self) -> None:
        self._pop_mark()

    def _protocol(self) -> None:
        number = self._read(1)[0]
        if not 2 <= number <= 5:
            raise Refused(f"pickle protocol {number}")

    def _frame(self) -> None:
        self._read(8)  # a hint for readers that buffer

    def _long(self) -> None:
        self._push(int.from_bytes(self._read(self._read(1)[0]), "little", signed=True))

    def _text(self, length: int) -> None:
        if length > MAX_SHORT_TEXT:
            self._push(LongText(self._skip(length), length))
            return
        self._budget.spend_text(length)
        self._push(self._read(length).decode("utf-8", "surrogatepass"))

    def _bytes(self, length: int) -> None:
        self._push(Blob(self._skip(length), length))

    def _tuple(self, count: int) -> None:
        values = [self._pop() for _ in range(count)]
        self._push(tuple(reversed(values)))

    def _marked_tuple(self) -> None:
        items = self._pop_mark()
        self._push(tuple(items))

    def _append(self) -> None:
        value = self._pop()
        self._top(list).append(value)

    def _appends(self) -> None:
        items = self._pop_mark()
        self._top(list).extend(items)

    def _set_item(self) -> None:
        value, key = self._pop(), self._pop()
        _store(self._top(dict), [key, value])

    def _set_items(self) -> None:
        items = self._pop_mark()
        _store(self._top(dict), items)

    def _add_items(self) -> None:
        items = self._pop_mark()
        self._top(set).update(names(items))

    def _global(self) -> None:
        module = self._line()
        self._push(self._find(module, self._line()))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._push(self._find(module, name))

    def _find(self, module: Any, name: Any) -> Allowed:
        if type(module) is not str or type(name) is not str:
            raise Refused("a global whose name is no text")
        entry = self._allowed.get((module, name))
        if entry is None:
            raise Refused(f"the Python object {excerpt(module)}.{excerpt(name)}")
        return entry

    def _instance(self) -> None:
        self._global()
        raise Refused(f"a new {_describe(self._pop())}")

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if type(function) is not Allowed or function.reduce is None or type(arguments) is not tuple:
            raise Refused(f"a call of {_describe(function)}")
        self._push(_call(function, function.reduce, arguments))

    def _new(self) -> None:
        arguments, kind = self._pop(), self._pop()
        if type(kind) is not Allowed or kind.new is None or type(arguments) is not tuple:
            raise Refused(f"a new {_describe(kind)}")
        self._push(_call(kind, kind.new, arguments))

    def _build(self) -> None:
        state = self._pop()
        target = self._pop()
        if isinstance(target, Buildable):
            target.build(state)
        elif not (type(target) is type(state) is dict and self._are_ignored(state)):
            raise Refused(f"a change of {_describe(target)}")
        self._push(target)

    def _are_ignored(self, attributes: dict[Any, Any]) -> bool:
        return len(attributes) <= len(self._ignored) and attributes.keys() <= self._ignored

    def _persistent_id(self) -> None:
        identifier = self._pop()
        if self._persistent is None:
            raise Refused("a persistent id")
        self._push(self._persistent(identifier))

    def _put(self, index: int) -> None:
        if not self._stack:
            raise Damaged("a value is missing")
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise Damaged("a remembered value is missing")
        self._push(self._memo[index])


def names(items: list[Any]) -> list[str]:
    """Items of a set: only text is hashed."""
    if not all(type(item) is str for item in items):
        raise Refused("a set of something else than text")
    return items


def _store(target: Any, items: list[Any]) -> None:
    if len(items) % 2:
        raise Damaged("a dictionary key has no value")
    if type(target) is Aside:
        return
    for key, value in zip(items[::2], items[1::2], strict=True):
        # hashing a nested tuple could exhaust the C stack, and large numbers can share one hash
        if type(key) is not str and not (type(key) is int and -MAX_KEY < key < MAX_KEY):
            raise Refused("a dictionary key that is neither text nor a small whole number")
        target[key] = value


def _call(function: Allowed, builder: Builder, arguments: tuple[Any, ...]) -> Any:
    try:
        return builder(*arguments)
    except TypeError:
        raise Refused(f"{_describe(function)} with wrong arguments") from None


def _describe(value: Any) -> str:
    """A name for a message; never the value itself, which may be endless."""
    return f"{value.module}.{value.name}" if type(value) is Allowed else type(value).__name__


_Operation = Callable[[PickleMachine], None]


def _constant(value: Any) -> _Operation:
    return lambda machine: machine._push(value)


def _value(layout: str) -> _Operation:
    number = struct.Struct(layout)
    return lambda machine: machine._push(machine._number(number))


def _operation_with_size(method: Callable[[PickleMachine, int], None], layout: str) -> _Operation:
    number = struct.Struct(layout)
    return lambda machine: method(machine, machine._number(number))


_OPERATIONS: dict[int, _Operation] = {
    0x80: PickleMachine._protocol,
    0x95: PickleMachine._frame,
    0x28: PickleMachine._mark,
    0x30: PickleMachine._discard,
    0x31: PickleMachine._discard_mark,
    # constants and numbers
    0x4E: _constant(None),
    0x88: _constant(True),
    0x89: _constant(False),
    0x4A: _value("<i"),  # BININT
    0x4B: _value("<B"),
    0x4D: _value("<H"),
    0x47: _value(">d"),  # BINFLOAT
    0x8A: PickleMachine._long,  # LONG1
    # text and bytes
    0x8C: _operation_with_size(PickleMachine._text, "<B"),
    0x58: _operation_with_size(PickleMachine._text, "<I"),
    0x8D: _operation_with_size(PickleMachine._text, "<Q"),
    0x43: _operation_with_size(PickleMachine._bytes, "<B"),
    0x42: _operation_with_size(PickleMachine._bytes, "<I"),
    0x8E: _operation_with_size(PickleMachine._bytes, "<Q"),
    0x96: _operation_with_size(PickleMachine._bytes, "<Q"),  # BYTEARRAY8
    # containers
    0x29: _constant(()),
    0x74: PickleMachine._marked_tuple,
    0x85: lambda machine: machine._tuple(1),
    0x86: lambda machine: machine._tuple(2),
    0x87: lambda machine: machine._tuple(3),
    0x5D: lambda machine: machine._push([]),
    0x61: PickleMachine._append,
    0x65: PickleMachine._appends,
    0x7D: lambda machine: machine._push({}),
    0x73: PickleMachine._set_item,
    0x75: PickleMachine._set_items,
    0x8F: lambda machine: machine._push(set()),
    0x90: PickleMachine._add_items,
    # objects
    0x63: PickleMachine._global,
    0x69: PickleMachine._instance,
    0x93: PickleMachine._stack_global,
    0x52: PickleMachine._reduce,
    0x81: PickleMachine._new,
    0x62: PickleMachine._build,
    0x51: PickleMachine._persistent_id,
    # the memo
    0x71: _operation_with_size(PickleMachine._put, "<B"),
    0x72: _operation_with_size(PickleMachine._put, "<I"),
    0x94: lambda machine: machine._put(len(machine._memo)),  # MEMOIZE
    0x68: _operation_with_size(PickleMachine._get, "<B"),
    0x6A: _operation_with_size(PickleMachine._get, "<I"),
}
