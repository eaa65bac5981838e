"""A web server on loopback, with ranges and ETags, and with the calls of the Hugging Face Hub that
the program makes.

Of the hub it answers: ``GET /api/{models,datasets}/NAME[/revision/R]`` (the commit),
``GET …/tree/R[/FOLDER]?recursive=…`` (files, in pages), ``POST …/paths-info/R`` (files by name) and
``GET`` and ``HEAD /[datasets/]NAME/resolve/R/FILE`` (large files are sent on to another address).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_PAGE = 100  # files of a page of a list


@dataclass
class Served:
    """What is at an address.

    Attributes:
        content: bytes, or a file with them.
        etag: without quotes; empty for none.
        ranges: whether parts of it can be had.
        status: of the answer.
        fickle: whether its ETag is another one each time.
        sent_instead: what is sent in place of the content, with its headers.
    """

    content: bytes | Path = b""
    etag: str = ""
    ranges: bool = True
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fickle: bool = False
    sent_instead: bytes | None = None

    @property
    def size(self) -> int:
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)


@dataclass
class Repository:
    """A repository of the hub: one commit.

    Attributes:
        files: by path.
        large: paths of files that have a SHA-256 and lie at another address.
        token: without which it is not there; empty for a public one.
    """

    files: dict[str, bytes | Path]
    large: frozenset[str] = frozenset()
    commit: str = "c" * 40
    token: str = ""

    _known: dict[str, tuple[bytes | Path, dict[str, Any]]] = field(default_factory=dict)

    def described(self, path: str) -> dict[str, Any]:
        """What the hub's API says of a file."""
        content = self.files[path]
        if path not in self._known or self._known[path][0] is not content:
            self._known[path] = content, self._describe(path, content)
        return self._known[path][1]

    def _describe(self, path: str, content: bytes | Path) -> dict[str, Any]:
        data = content.read_bytes() if isinstance(content, Path) else content
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob}
        if path in self.large:
            sha256 = hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"oid": sha256, "size": len(data), "pointerSize": 130}
        return entry


@dataclass
class WebServer:
    """What is served, and what happened.

    Attributes:
        url: without a slash at its end.
        served: by path, each with a slash at its beginning.
        repositories: of the hub, by ``user/name`` or ``datasets/user/name``.
        requests: method, path and range of each request.
        headers: of each request, by names in small letters.
        sent: how many bytes of contents were sent, or begun to be.
        cut_after: how many bytes of the next answers are sent before the connection is cut, one
            after the other.
        bytes_per_second: how fast each connection is; 0 for as fast as it can.
        silent: whether it says nothing after the head of an answer.
    """

    url: str = ""
    served: dict[str, Served] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    sent: int = 0
    cut_after: list[int] = field(default_factory=list)
    bytes_per_second: int = 0
    silent: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: WebServer

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        with self.web.lock:
            self.web.requests.append((self.command, path, self.headers.get("Range", "")))
            self.web.headers.append({name.lower(): text for name, text in self.headers.items()})
        self._body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with contextlib.suppress(ConnectionError):
            if path in self.web.served:
                self._send(self.web.served[path])
            elif path.startswith("/api/"):
                self._api(path.removeprefix("/api/"), parse_qs(parts.query))
            elif "/resolve/" in path:
                self._resolve(path)
            else:
                self._refuse(404, "EntryNotFound")

    # ---- files ----------------------------------------------------------------------------------

    def _send(self, served: Served) -> None:
        start, stop = 0, served.size
        has_ranges = served.ranges and served.status == 200
        wanted = self.headers.get("Range", "") if has_ranges else ""
        match_only = self.headers.get("If-Range", "")
        part = bool(wanted) and match_only in ("", f'"{served.etag}"')
        if part:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(stop, int(last) + 1 if last else stop)
            if start >= served.size:
                self._begin(416, 0, {"Content-Range": f"bytes */{served.size}"}, served)
                return
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{served.size}"} if part else {}
        self._begin(206 if part else served.status, stop - start, headers, served)
        if self.command != "HEAD":
            self._send_content(served, start, stop)

    def _begin(self, status: int, length: int, headers: dict[str, str], served: Served) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if served.etag:
            changes = f"-{len(self.web.requests)}" if served.fickle else ""
            self.send_header("ETag", f'"{served.etag}{changes}"')
        for name, value in {**headers, **served.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_content(self, served: Served, start: int, stop: int) -> None:
        while self.web.silent:
            self.wfile.flush()
            time.sleep(0.02)
        cut = self.web.cut_after.pop(0) if self.web.cut_after else None
        end = stop if cut is None else min(stop, start + cut)
        with self.web.lock:
            self.web.sent += end - start
        content = served.content if served.sent_instead is None else served.sent_instead
        if isinstance(content, Path):
            with content.open("rb") as file:
                self.connection.sendfile(file, start, end - start)
        else:
            self._write(content[start:end])
        if cut is not None and end < stop:
            self.close_connection = True

    def _write(self, data: bytes) -> None:
        speed = self.web.bytes_per_second
        piece = max(1, speed // 20) if speed else len(data)
        for at in range(0, len(data), piece or 1):
            self.wfile.write(data[at : at + piece])
            if speed:
                time.sleep(piece / speed)

    # ---- the hub --------------------------------------------------------------------------------

    def _api(self, path: str, query: dict[str, list[str]]) -> None:
        kind, user, name, *rest = path.split("/")
        repository = self._repository(
            ("datasets/" if kind == "datasets" else "") + f"{user}/{name}"
        )
        if repository is None:
            return
        if not rest or rest[0] == "revision":
            self._json({"id": f"{user}/{name}", "sha": repository.commit})
        elif rest[0] == "tree":
            self._tree(repository, "/".join(rest[2:]), int(query.get("cursor", ["0"])[0]))
        elif rest[0] == "paths-info":
            wanted = parse_qs(self._body.decode())["paths"]
            found = [repository.described(one) for one in wanted if one in repository.files]
            self._json(found)

    def _tree(self, repository: Repository, folder: str, begin: int) -> None:
        below = f"{folder}/" if folder else ""
        paths = [path for path in sorted(repository.files) if path.startswith(below)]
        if folder and not paths:
            self._refuse(404, "EntryNotFound")
            return
        headers = {}
        if begin + _PAGE < len(paths):
            address = f"{self.web.url}{urlsplit(self.path).path}?recursive=True"
            headers["Link"] = f'<{address}&cursor={begin + _PAGE}>; rel="next"'
        self._json([repository.described(p) for p in paths[begin : begin + _PAGE]], headers)

    def _resolve(self, path: str) -> None:
        name, _, rest = path[1:].partition("/resolve/")
        repository = self._repository(name)
        if repository is None:
            return
        file = rest.partition("/")[2]
        if file not in repository.files:
            self._refuse(404, "EntryNotFound")
            return
        described = repository.described(file)
        content = repository.files[file]
        if file not in repository.large:
            self._send(
                Served(content, described["oid"], headers={"X-Repo-Commit": repository.commit})
            )
            return
        sha256 = described["lfs"]["oid"]
        self.web.served.setdefault(f"/cdn/{sha256}", Served(content, f"cdn-{sha256[:8]}"))
        self._begin(
            302,
            0,
            {
                "Location": f"{self.web.url.replace('127.0.0.1', 'localhost')}/cdn/{sha256}",
                "X-Linked-Etag": f'"{sha256}"',
                "X-Linked-Size": str(described["size"]),
                "X-Repo-Commit": repository.commit,
            },
            Served(),
        )

    def _repository(self, name: str) -> Repository | None:
        repository = self.web.repositories.get(name)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repository is None or (repository.token and repository.token != token):
            self._refuse(401, "RepoNotFound")
            return None
        return repository

    def _json(self, value: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self._begin(
            200, len(body), {"Content-Type": "application/json", **(headers or {})}, Served()
        )
        self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self._begin(status, 0, {"X-Error-Code": code}, Served())


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that clients end."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextlib.contextmanager
def serve_web() -> Iterator[WebServer]:
    """A server that is there while the block lasts."""
    web = WebServer()
    handler = type("Handler", (_Handler,), {"web": web})
    with _Threads(("127.0.0.1", 0), handler) as server:
        web.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield web
        finally:
            web.silent = False
            server.shutdown()
            thread.join()
