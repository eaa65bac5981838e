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
from pathlib import Path
from typing import Literal

from diffviews_desktop.data.downloads import is_private
from diffviews_desktop.data.sources import Catalogue, read_catalogue
from diffviews_desktop.data.stores.access import access_of, has_keys
from diffviews_desktop.data.stores.bucket_access import USUAL_BUCKET
from diffviews_desktop.data.stores.opening import open_store
from diffviews_desktop.data.stores.transfers import download, plan_download
from diffviews_desktop.errors import DiffViewsError, StoreUnreachableError
from diffviews_desktop.text.wording import counted, size
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.sources import Origin

NO_NETWORK = 3
SMALL = 1_000_000  # bytes of the file that is fetched at most
FAR_OFF = 0.2  # how far the size in the catalogue may be from the true one

Status = Literal["right", "wrong", "not checked"]


@dataclass(frozen=True)
class Check:
    """Something that was looked at.

    Attributes:
        what: the address.
        status: how it is.
        said: sizes, or what is wrong.
        offline: whether nothing could be reached.
    """

    what: str
    status: Status
    said: str
    offline: bool = False


def main() -> int:
    """Look at everything; the exit status."""
    options = _options()
    catalogue = read_catalogue()
    checks = list(_all(options, catalogue))
    for check in checks:
        print(f"{check.status:12} {check.what}  {check.said}")
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(check) for check in checks], indent=1))
    if (
        checks
        and all(check.offline for check in checks if check.status == "wrong")
        and any(check.offline for check in checks)
    ):
        print("check-online: there is no network; nothing was checked.", file=sys.stderr)
        return NO_NETWORK
    return int(any(check.status == "wrong" for check in checks))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="check-online", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these models")
    parser.add_argument("--bucket", metavar="NAME", help="a bucket of yours to put something into")
    parser.add_argument("--endpoint", default="", metavar="URL", help="of its S3 service")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found")
    return parser.parse_args()


def _all(options: argparse.Namespace, catalogue: Catalogue) -> Iterator[Check]:
    for name in options.only or catalogue.models:
        model = catalogue.model(name)
        for part in (model.data, model.checkpoint):
            for origin in part.origins if part is not None else ():
                yield _checked(str(origin.location), lambda o=origin, p=part: _sizes(o, p.bytes))
        if model.data is not None:
            for origin in model.data.origins:
                yield _checked(f"{origin.location} (one file)", lambda o=origin: _small(o))
    if options.bucket:
        location = Location.parse(f"s3://{options.bucket}")
        yield _checked(str(location), lambda: _round_trip(location, options.endpoint))


def _checked(what: str, look: Callable[[], str | None]) -> Check:
    try:
        said = look()
    except StoreUnreachableError as error:
        return Check(what, "wrong", str(error), offline=True)
    except DiffViewsError as error:
        return Check(what, "wrong", str(error))
    return Check(what, "not checked", "no keys") if said is None else Check(what, "right", said)


def _sizes(origin: Origin, expected: int | None) -> str | None:
    """How many files there are; None where there are no keys."""
    if is_private(origin.location) and not has_keys(USUAL_BUCKET):
        return None
    files = open_store(origin.location, access_of(origin.location)).list()
    total = sum(file.size for file in files)
    far = expected is not None and abs(total - expected) > FAR_OFF * expected
    said = f"{counted(len(files), 'file')}, {size(total)}"
    return f"{said} (the catalogue says {size(expected or 0)})" if far else said


def _small(origin: Origin) -> str | None:
    """Fetch the smallest file; None where there are no keys."""
    if is_private(origin.location) and not has_keys(USUAL_BUCKET):
        return None
    store = open_store(origin.location, access_of(origin.location))
    files = [file for file in store.list() if 0 < file.size < SMALL]
    smallest = min(files, key=lambda file: file.size)
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_download([smallest], Path(folder))
        download(store, plan)
        content = (Path(folder) / smallest.key).read_bytes()
    assert len(content) == smallest.size
    return f"{smallest.key}, {size(len(content))}, fetched and verified"


def _round_trip(location: Location, endpoint: str) -> str:
    """Put an object into a bucket, get it again, and delete it."""
    from diffviews_desktop.data.stores.s3_writing import open_writable

    store = open_writable(location, access_of(location, endpoint))
    key, content = f"diffviews-check-online/{secrets.token_hex(8)}", secrets.token_bytes(1000)
    store.put_new(key, io.BytesIO(content))
    try:
        file = store.stat(key)
        assert file is not None
        assert b"".join(store.read(file)) == content
    finally:
        store.client.delete_object(Bucket=store.bucket, Key=store.full_key(key))
    return f"{size(len(content))} put, got and deleted"


if __name__ == "__main__":
    sys.exit(main())
