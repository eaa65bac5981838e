"""Repositories of the Hugging Face Hub.

Lists, tokens and addresses are those of huggingface_hub, which honours ``HF_ENDPOINT``,
``HF_TOKEN``, ``HF_HOME`` and ``HF_HUB_OFFLINE``. The files come in ranges, as from any server.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from diffviews_desktop.data.stores.hashing import Checksum
from diffviews_desktop.data.stores.http import (
    ClientOnce,
    check_range,
    check_status,
    range_headers,
    store_errors,
    timeout_of,
)
from diffviews_desktop.data.stores.store import (
    MOST_FILES,
    NO_KEYS,
    PATIENT,
    Access,
    Files,
    Patience,
    too_many_files,
)
from diffviews_desktop.errors import (
    StoreAccessError,
    StoreChangedError,
    StoreError,
    StoreNotFoundError,
    StoreUnreachableError,
    brief,
)
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.transfers import RemoteFile

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")


class _Repository(NamedTuple):
    """A repository as huggingface_hub wants it named, and the commit that is read."""

    name: str
    kind: str
    commit: str


class HubStore:
    """A repository at the commit that is the newest when it is first asked, or a folder or file in
    it; a store of `diffviews_desktop.data.stores.store`."""

    def __init__(
        self, location: Location, access: Access = NO_KEYS, patience: Patience = PATIENT
    ) -> None:
        self._location, self._access, self._patience = location, access, patience
        self._client = ClientOnce(patience)

    @cached_property
    def _api(self) -> HfApi:
        from huggingface_hub import HfApi, get_session

        get_session().timeout = timeout_of(self._patience)  # else it waits for ever
        return HfApi(endpoint=self._access.endpoint or None, token=self._access.token or None)

    @cached_property
    def _repository(self) -> _Repository:
        root = self._location.root
        name = root.removeprefix("datasets/")
        repo_type = "model" if name == root else "dataset"
        with self._errors():
            info = self._api.repo_info(
                name,
                repo_type=repo_type,
                revision=self._location.revision or None,
                timeout=self._patience.read,
            )
        if not info.sha:
            raise StoreError(f"{self.describe()} has no commit. Check the name and the revision.")
        return _Repository(name, repo_type, info.sha)

    @cached_property
    def _folder(self) -> tuple[str, str]:
        """What keys are relative to, and the key of the only file where the location is one."""
        path = self._location.path
        if not path:
            return "", ""
        if self._info(path) is None:
            return f"{path}/", ""
        folder, separator, name = path.rpartition("/")
        return folder + separator, name

    def list(self, prefix: str = "") -> Files:
        from huggingface_hub.hf_api import RepoFile

        folder, key = self._folder
        if key:
            one = self.stat(key)
            return [one] if one is not None and key.startswith(prefix) else []
        repository = self._repository
        with self._errors():
            entries = self._api.list_repo_tree(
                repository.name,
                folder.rstrip("/") or None,
                recursive=True,
                revision=repository.commit,
                repo_type=repository.kind,
            )
            files = [
                self._file(entry)
                for entry in islice(entries, MOST_FILES + 1)
                if isinstance(entry, RepoFile)
            ]
        if len(files) > MOST_FILES:
            raise too_many_files(self.describe())
        matches = [file for file in files if file.key.startswith(prefix)]
        return sorted(matches, key=lambda file: file.key)

    def stat(self, key: str) -> RemoteFile | None:
        entry = self._info(self._folder[0] + key)
        return None if entry is None else self._file(entry)

    def _info(self, path: str) -> Any:
        """What the hub says of a file; None where there is none."""
        from huggingface_hub.hf_api import RepoFile

        repository = self._repository
        with self._errors():
            infos = self._api.get_paths_info(
                repository.name, path, revision=repository.commit, repo_type=repository.kind
            )
        return next((one for one in infos if isinstance(one, RepoFile) and one.path == path), None)

    def _file(self, entry: Any) -> RemoteFile:
        """A file of huggingface_hub; its version is the hash that the hub has of it."""
        key = entry.path.removeprefix(self._folder[0])
        sha256 = entry.lfs.sha256 if entry.lfs is not None else ""
        version = sha256 or entry.blob_id
        if not (isinstance(entry.size, int) and entry.size >= 0 and isinstance(version, str)):
            raise StoreError(f"{self.describe()} describes a file wrongly. Try again later.")
        return RemoteFile(key, entry.size, version, sha256, self._location.source)

    def read(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        stop = file.size if stop is None else min(stop, file.size)
        if start >= stop:
            return
        with (
            self._errors(),
            store_errors(self.describe()),
            self._client.get().stream(
                "GET", self._url(file.key), headers=self._headers(start, stop)
            ) as answer,
        ):
            check_status(answer, file.key, self.describe())
            if file.version and _hash_of(answer) not in ("", file.version):
                raise StoreChangedError(
                    f"“{visible(file.key, MOST_OF_NAME)}” was changed while it was fetched. Try "
                    "again."
                )
            check_range(answer, start, stop, file.size, file.key)
            yield from answer.iter_raw()

    def _url(self, key: str) -> str:
        from huggingface_hub import hf_hub_url

        name, kind, commit = self._repository
        return hf_hub_url(
            name,
            self._folder[0] + key,
            repo_type=kind,
            revision=commit,
            endpoint=self._access.endpoint or None,
        )

    def _headers(self, start: int, stop: int) -> dict[str, str]:
        from huggingface_hub.utils import build_hf_headers

        return {**build_hf_headers(token=self._access.token or None), **range_headers(start, stop)}

    def checksum(self, file: RemoteFile) -> Checksum | None:
        if _SHA256.fullmatch(file.sha256.lower()):
            return Checksum("sha256", file.sha256.lower())
        if _SHA1.fullmatch(file.version):  # as git has it
            return Checksum("sha1", file.version, header=b"blob %d\0" % file.size)
        return None

    def describe(self) -> str:
        return self._location.display_text()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Make a `StoreError` of what huggingface_hub raises."""
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        place = self.describe()
        with store_errors(place):
            try:
                yield
            except StoreError:
                raise
            except OfflineModeIsEnabled:
                raise StoreUnreachableError(
                    "HF_HUB_OFFLINE is set, so nothing is asked of the Hugging Face Hub. Unset it "
                    "to download."
                ) from None
            except HfHubHTTPError as error:
                raise _of_answer(error, place) from None
            except (ValueError, KeyError, TypeError, AttributeError):
                raise StoreError(
                    f"What answered for {place} is not the Hugging Face Hub. Check HF_ENDPOINT, "
                    "and whether you have to sign in to your network."
                ) from None


def _of_answer(error: HfHubHTTPError, place: str) -> StoreError:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return StoreAccessError(
            f"{place} is open only to those who have accepted its terms. Accept them on its page, "
            "then sign in (hf auth login) or set HF_TOKEN."
        )
    if isinstance(error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError):
        return StoreNotFoundError(
            f"There is no {place}, or you may not see it. Check the name and the revision (a data "
            "set is written hf://datasets/user/name); if it is private, sign in (hf auth login) or "
            "set HF_TOKEN."
        )
    try:
        check_status(error.response, "the repository", place)
    except StoreError as refusal:
        return refusal
    return StoreError(f"{place} cannot be read ({brief(error)}).")


def _hash_of(answer: httpx2.Response) -> str:
    """The hash that the hub says a file has; empty where it does not."""
    answers = [*answer.history, answer]
    linked = [one.headers.get("x-linked-etag", "") for one in answers]
    etag = next(filter(None, [*linked, answers[0].headers.get("etag", "")]), "")
    value = etag.removeprefix("W/").strip('"')
    return value if _SHA256.fullmatch(value) or _SHA1.fullmatch(value) else ""
