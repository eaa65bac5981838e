"""Messages of all kinds and sizes arrive as they were sent."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffviews_desktop.engine.pipe import IN_THE_PICKLE, PIECE, receive, send

Ends = tuple[Connection, Connection]


@pytest.fixture
def ends() -> Iterator[Ends]:
    one, other = Pipe()
    yield one, other
    one.close()
    other.close()


def across(ends: Ends, message: object) -> Any:
    """What comes out at the other end."""
    thread = threading.Thread(target=send, args=(ends[0], message))
    thread.start()
    received = receive(ends[1])
    thread.join(10)
    assert not thread.is_alive()
    return received


def arrays(folder: Path) -> dict[str, np.ndarray]:
    many = np.arange(3 * PIECE // 8 + 5, dtype=np.float64)
    np.save(folder / "mapped.npy", many.reshape(-1, 1))
    return {
        "several pieces": many,
        "one piece": np.zeros(PIECE, np.uint8),
        "one more byte": np.ones(PIECE + 1, np.uint8),
        "small": np.arange(5),
        "none": np.empty((0, 2), np.float32),
        "columns": np.asfortranarray(np.arange(60_000.0).reshape(300, 200)),
        "every other": many[::2],
        "in a file": np.load(folder / "mapped.npy", mmap_mode="r"),
        "part of a file": np.load(folder / "mapped.npy", mmap_mode="r")[::3],
        "objects": np.array(["x", None, 3] * 9000, dtype=object),
        "texts": np.array(["ab", "c"] * 9000),
        "one number": np.float32(3.5),
    }


def test_arrays_arrive_whole(ends: Ends, tmp_path: Path) -> None:
    sent = arrays(tmp_path)
    received = across(ends, ("done", sent, {"n": 7}))
    assert (received[0], received[2]) == ("done", {"n": 7})
    assert list(received[1]) == list(sent)
    for name, array in received[1].items():
        assert not isinstance(array, np.memmap), name
        assert array.dtype == sent[name].dtype
        assert np.array_equal(array, sent[name]), name
    assert received[1]["columns"].flags.f_contiguous


def test_what_arrives_does_not_hang_on_what_was_sent(ends: Ends) -> None:
    sent = np.zeros(IN_THE_PICKLE, np.float32)
    received = across(ends, sent)
    received[:] = 1
    assert not sent.any()


def test_messages_follow_each_other(ends: Ends) -> None:
    for message in (None, "a", np.arange(PIECE), [], np.arange(2)):
        received = across(ends, message)
        assert np.array_equal(received, message) if message is not None else received is None


def test_large_arrays_are_not_in_the_pickle(ends: Ends, tmp_path: Path) -> None:
    """What is unpickled in one go stays small, however much is sent."""
    sent = {name: array for name, array in arrays(tmp_path).items() if array.dtype != object}
    thread = threading.Thread(target=send, args=(ends[0], sent))
    thread.start()
    sizes = pickle.loads(ends[1].recv_bytes())
    assert len(ends[1].recv_bytes()) < 8 * IN_THE_PICKLE
    large = [array.nbytes for array in sent.values() if array.nbytes >= IN_THE_PICKLE]
    assert sorted(sizes) == sorted(large)
    left = sum(sizes)
    while left:
        piece = len(ends[1].recv_bytes())
        assert piece <= PIECE
        left -= piece
    thread.join(10)


def test_an_end_that_is_gone_is_told(ends: Ends) -> None:
    ends[1].close()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        send(ends[0], np.zeros(3 * PIECE, np.uint8))


def test_an_end_that_goes_in_the_middle_is_told(ends: Ends) -> None:
    ends[0].send_bytes(pickle.dumps([PIECE]))
    ends[0].send_bytes(pickle.dumps("half of it"))
    ends[0].close()
    with pytest.raises(EOFError):
        receive(ends[1])
