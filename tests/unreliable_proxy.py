"""A connection on loopback that is slow, breaks or changes bytes: between a client and a server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Passes connections on to a server.

    Attributes:
        url: its address.
        change: what becomes of what the server sends; an empty answer cuts the connection.
        received: bytes that came from the server and were passed on.
    """

    url: str = ""
    change: Callable[[bytes], bytes] = bytes
    received: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """A proxy to a server of this machine while the block lasts."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        proxy = Proxy(f"http://127.0.0.1:{listening.getsockname()[1]}")
        threading.Thread(target=_accept, args=(listening, port, proxy), daemon=True).start()
        yield proxy


def _accept(listening: socket.socket, port: int, proxy: Proxy) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_serve, args=(client, port, proxy), daemon=True).start()


def _serve(client: socket.socket, port: int, proxy: Proxy) -> None:
    with (
        client,
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port)) as server,
    ):
        threading.Thread(target=_pump, args=(client, server, bytes), daemon=True).start()

        def change(data: bytes) -> bytes:
            with proxy.lock:
                changed = proxy.change(data)
                proxy.received += len(changed)
                return changed

        _pump(server, client, change)


def _pump(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
    with contextlib.suppress(OSError):
        while (data := source.recv(65536)) and (passed := change(data)):
            target.sendall(passed)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
