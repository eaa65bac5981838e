"""Sends messages between the window's process and the engine's.

What unpickles a message holds the interpreter until it is done, and with it the window. So arrays
are left out of the pickle and travel after it, in pieces.
"""

from __future__ import annotations

import io
import pickle
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

PIECE = 2**20  # bytes
IN_THE_PICKLE = 2**14  # bytes of an array that is not worth a piece of its own


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:
        """Arrays that lie in files, or not in one piece, travel as all others do."""
        if not isinstance(value, np.ndarray) or value.dtype == object:
            return NotImplemented
        if value.flags.forc and not isinstance(value, np.memmap):
            return NotImplemented
        return np.asarray(value, order="C").__reduce_ex__(5)


def send(connection: Connection, message: object) -> None:
    """Send a message; `receive` takes it.

    Raises:
        OSError: nobody is there any more.
    """
    body, buffers = _pack(message)
    connection.send_bytes(pickle.dumps([view.nbytes for view in buffers]))
    connection.send_bytes(body)
    for view in buffers:
        for start in range(0, view.nbytes, PIECE):
            connection.send_bytes(view[start : start + PIECE])


def receive(connection: Connection) -> Any:
    """The next message; waits for it.

    Raises:
        EOFError: nobody is there any more.
        OSError: the same, in the middle of a message.
    """
    sizes = pickle.loads(connection.recv_bytes())
    body = connection.recv_bytes()
    buffers = [bytearray(size) for size in sizes]
    for buffer in buffers:
        view = memoryview(buffer)
        for start in range(0, len(buffer), PIECE):
            connection.recv_bytes_into(view[start : start + PIECE])
    return pickle.loads(body, buffers=buffers)


def copy_message(message: object) -> Any:
    """A message as it is after it was sent and received: all its own, nothing shared."""
    body, buffers = _pack(message)
    return pickle.loads(body, buffers=[bytearray(view) for view in buffers])


def _pack(message: object) -> tuple[memoryview, list[memoryview]]:
    """The pickle of a message, and its arrays that travel after it."""
    buffers: list[memoryview] = []

    def take(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < IN_THE_PICKLE:
            return True
        buffers.append(view)
        return False

    stream = io.BytesIO()
    _Pickler(stream, protocol=5, buffer_callback=take).dump(message)
    return stream.getbuffer(), buffers
