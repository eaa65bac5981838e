"""Checks what needs the internet: see `packaging/check-online`."""

from __future__ import annotations

import argparse
import io
import json
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from diffviews_desktop.data.downloads import is_private
from diffviews_desktop.data.sources import Catalogue, read_catalogue, read_table
from diffviews_desktop.data.stores.access import access_of, has_keys
from diffviews_desktop.data.stores.bucket_access import USUAL_BUCKET
from diffviews_desktop.data.stores.opening import open_store
from diffviews_desktop.data.stores.s3_writing import WritableStore
from diffviews_desktop.data.stores.store import Patience, Store
from diffviews_desktop.data.stores.transfers import download, plan_download
from diffviews_desktop.errors import DiffViewsError, StoreDamagedError, StoreError, explain
from diffviews_desktop.text.wording import format_count, size
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.sources import Origin
from diffviews_desktop.values.transfers import RemoteFile

SMALL = 1_000_000  # bytes of the file that is fetched at most
FAR_OFF = 0.2  # how far the size in the catalogue may be from the true one
PATIENCE = Patience(connect=10.0, read=20.0, give_up=20.0)

Status = Literal["right", "wrong", "not checked"]


@dataclass(frozen=True)
class Check:
    """Something that was looked at.

    Attributes:
        what: the address, or what was done there.
        status: how it is.
        said: what was found, or what is wrong.
    """

    what: str
    status: Status
    said: str


def main() -> int:
    """Look at everything; the exit status."""
    options = _options()
    try:
        checks = list(_told(_all(options)))
    except DiffViewsError as error:
        print(f"check-online: {explain(error)}", file=sys.stderr)
        return 1
    if options.json is not None:
        table = json.dumps([asdict(check) for check in checks], indent=1)
        options.json.write_text(table, encoding="utf-8")
    amounts = {status: sum(one.status == status for one in checks) for status in _STATUSES}
    print(", ".join(f"{amount} {status}" for status, amount in amounts.items()))
    return 0 if amounts["right"] and not amounts["wrong"] else 1


_STATUSES: tuple[Status, ...] = ("right", "wrong", "not checked")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="check-online", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these models")
    parser.add_argument("--bucket", metavar="NAME", help="a bucket of yours to put something into")
    parser.add_argument("--endpoint", default="", metavar="URL", help="of its S3 service")
    parser.add_argument(
        "--catalogue", type=Path, metavar="FILE", help="check another table, such as your own"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found")
    return parser.parse_args()


def _told(checks: Iterator[Check]) -> Iterator[Check]:
    """The checks, each printed as soon as it is known."""
    for check in checks:
        print(f"{check.status:12} {check.what}  {check.said}", flush=True)
        yield check


def _all(options: argparse.Namespace) -> Iterator[Check]:
    catalogue = Catalogue(read_table(options.catalogue)) if options.catalogue else read_catalogue()
    for name in options.only or catalogue.models:
        model = catalogue.model(name)
        for part in (model.data, model.checkpoint):
            for origin in part.origins if part is not None else ():
                yield from _look_at(origin, part.bytes if part else None, part is model.data)
    if options.bucket:
        location = Location.parse(f"s3://{options.bucket}")
        yield _check(f"{location} (put, got)", lambda: _round_trip(location, options.endpoint))


def _look_at(origin: Origin, claim: int | None, with_a_file: bool) -> Iterator[Check]:
    """Ask an origin for its files, and fetch the smallest of them where that is wanted."""
    address = str(origin.location)
    if is_private(origin.location) and not has_keys(USUAL_BUCKET):
        yield Check(address, "not checked", "a private bucket, and there are no keys for it")
        return
    store: list[Store] = []
    files: list[RemoteFile] = []

    def ask() -> str:
        store.append(open_store(origin.location, access_of(origin.location), PATIENCE))
        files.extend(store[0].list())
        return _sizes(files, claim)

    answer = _check(address, ask)
    yield answer
    if with_a_file and answer.status == "right":
        yield _check(f"{address} (one file)", partial(_small, store[0], files))


def _check(address: str, look: Callable[[], str]) -> Check:
    try:
        return Check(address, "right", look())
    except (DiffViewsError, OSError) as error:
        return Check(address, "wrong", explain(error))


def _sizes(files: list[RemoteFile], claim: int | None) -> str:
    """How many files there are, and how large they are.

    Raises:
        StoreError: there are none.
    """
    if not files:
        raise StoreError("There are no files.")
    total = sum(file.size for file in files)
    far = claim is not None and abs(total - claim) > FAR_OFF * claim
    text = f"{format_count(len(files), 'file')}, {size(total)}"
    return f"{text} (the catalogue says {size(claim or 0)})" if far else text


def _small(store: Store, files: list[RemoteFile]) -> str:
    """Fetch the smallest file.

    Raises:
        StoreError: there is none that is small, or it does not come.
    """
    small = [file for file in files if 0 < file.size < SMALL]
    if not small:
        raise StoreError(f"No file is smaller than {size(SMALL)}.")
    smallest = min(small, key=lambda file: file.size)
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_download([smallest], Path(folder))
        result = download(store, plan, patience=PATIENCE)
        if result.failed or plan.refused:
            raise StoreError((*result.failed, *plan.refused)[0].reason)
    return f"{smallest.key}, {size(smallest.size)}, fetched and verified"


def _round_trip(location: Location, endpoint: str) -> str:
    """Put an object into a bucket, get it again, and delete it.

    Raises:
        StoreError: one of these cannot be done, or another object comes back.
    """
    store = WritableStore(location, access_of(location, endpoint), PATIENCE)
    key, content = f"diffviews-check-online/{secrets.token_hex(8)}", secrets.token_bytes(1000)
    store.put_new(key, io.BytesIO(content))
    try:
        file = store.stat(key)
        if file is None or b"".join(store.read(file)) != content:
            raise StoreDamagedError(f"{store.describe()} does not give back what was put there.")
    finally:
        with store.errors(key):
            store.client.delete_object(Bucket=store.bucket, Key=store.full_key(key))
    return f"{size(len(content))} put, got and deleted"


if __name__ == "__main__":
    sys.exit(main())
